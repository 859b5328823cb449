#include "pulse/trait/store_export_writer.hpp"

#include <nlohmann/json.hpp>

#include "pulse/base/error.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/memory.hpp"
#include "pulse/pg/probe.hpp"
#include "pulse/pg/random.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/trait/export_file.hpp"
#include "pulse/trait/store_metric_reader.hpp"

#include "export_chunk_sql.hpp"

namespace pulse::trait {

namespace {

using pg::Value;

constexpr size_t kLargestPiece = 256 * 1024;
constexpr const char* kMakeRoom =
    "Delete some with pulse_delete_export(); pulse_list_exports() lists them, and the job retention deletes "
    "those that are older than pulse.export_retention.";

}  // namespace

// Has a name, for ExportWriter contains them.
namespace export_writer {

// Checks the settings against the other files, and those of this one so far.
class Limits {
  public:
    // Reads what has been committed until now.
    void Refresh() {
        const pg::LatestSnapshot snapshot;
        const pg::Result rows =
            pg::Execute("SELECT count(*), coalesce(sum(bytes), 0)::bigint FROM pulse.export", {}, true);
        files_ = rows[0].Int8(0);
        bytes_ = rows[0].Int8(1);
    }

    void Check(int64_t more_files, int64_t more_bytes) const {
        if (files_ + more_files > pg::settings::max_exports)
            throw UserError(
                sqlstate::kProgramLimit, "there are too many exports",
                "The setting pulse.max_exports allows " + std::to_string(pg::settings::max_exports) + ".",
                kMakeRoom);
        const int64_t most = pg::settings::max_export_size * int64_t{1024 * 1024};
        if (bytes_ + more_bytes > most)
            throw UserError(sqlstate::kProgramLimit, "the exports are too large",
                            "The other files have " + std::to_string(bytes_) + " bytes, this one at least " +
                                std::to_string(more_bytes) + "; the setting pulse.max_export_size allows " +
                                std::to_string(most) + ".",
                            kMakeRoom);
    }

  private:
    int64_t files_ = 0, bytes_ = 0;
};

// Cuts the file into pieces between two lines, or within one that is larger than a piece, and writes each
// when it is full.
class FileWriter {
  public:
    FileWriter(int64_t id, const Limits& limits) : id_(id), limits_(limits) {}

    void Add(std::string_view lines) {
        if (piece_.size() + lines.size() > kLargestPiece) Flush();
        while (lines.size() > kLargestPiece) {
            const size_t end = CharacterBorder(lines, kLargestPiece);
            piece_ = lines.substr(0, end);
            Flush();
            lines.remove_prefix(end);
        }
        piece_ += lines;
    }

    // Notes profiles for the next piece that is written.
    void AddPeople(const std::vector<int64_t>& profiles) {
        people_.insert(people_.end(), profiles.begin(), profiles.end());
    }

    void Finish() {
        // People whose last line ended exactly with a piece.
        if (piece_.empty() && !people_.empty())
            pg::Execute(
                "UPDATE pulse.export_chunk SET people = people || $3 WHERE export_id = $1 AND chunk = $2",
                {Value::Int8(id_), Value::Int4(chunks_), Value::Int8s(people_)});
        Flush();
    }

    void Flush() {
        if (piece_.empty()) return;
        bytes_ += static_cast<int64_t>(piece_.size());
        limits_.Check(0, bytes_);
        hash_.Add(piece_);
        const pg::Arena arena("pulse export");
        static pg::Statement insert(
            "INSERT INTO pulse.export_chunk (export_id, chunk, data, people) VALUES ($1, $2, $3, $4)",
            {INT8OID, INT4OID, BYTEAOID, INT8ARRAYOID});
        insert.Execute({Value::Int8(id_),
                        Value::Int4(++chunks_),
                        {BYTEAOID, pg::FromBytes(piece_), false},
                        Value::Int8s(people_)});
        piece_.clear();
        people_.clear();
    }

    int64_t bytes() const { return bytes_; }
    int32_t chunks() const { return chunks_; }
    std::string Etag() { return hash_.Digits(); }

  private:
    int64_t id_;
    const Limits& limits_;
    std::string piece_;
    std::vector<int64_t> people_;  // profiles of the lines since the last piece
    ExportHash hash_;
    int64_t bytes_ = 0;
    int32_t chunks_ = 0;
};

}  // namespace export_writer

namespace {

// One transaction at a time counts all files, until it ends. The lock does not stop those that delete files.
void LockExports() {
    pg::SetLocally("lock_timeout", std::to_string(pg::settings::lock_timeout).c_str());
    try {
        pg::Execute("LOCK TABLE pulse.export IN SHARE UPDATE EXCLUSIVE MODE");
    } catch (const pg::Error& error) {
        if (error.State() != sqlstate::kLockNotAvailable) throw;
        throw UserError(sqlstate::kLockNotAvailable, "another transaction finishes an export",
                        "It has been open for longer than pulse.lock_timeout.",
                        "Try again, or end that transaction; pg_stat_activity shows it.");
    }
}

}  // namespace

namespace {

// The erasures of the last hour, as the people in the file are read.
std::vector<int64_t> RecentErasures() {
    return pg::Execute(
               "SELECT coalesce(array_agg(e.id), '{}') FROM pulse.erasure AS e WHERE e.requested_at >= $1",
               {Value::Time(pg::WallClock() - kHour)})[0]
        .Int8s(0);
}

// An erasure deletes the files that it sees, and this one is committed later: it must not have anybody who
// was erased while it was written.
void CheckNobodyWasErased(int64_t id, const std::vector<int64_t>& known, Moment since) {
    const pg::LatestSnapshot snapshot;
    const pg::Result rows = pg::Execute(
        "SELECT EXISTS (SELECT FROM pulse.erasure AS e CROSS JOIN LATERAL (SELECT ARRAY(SELECT s.value"
        " FROM pulse.erasure_subject AS s WHERE s.erasure_id = e.id) AS ids) AS i WHERE e.requested_at >= $2"
        " AND e.id <> ALL ($3) AND EXISTS (SELECT FROM pulse.export_chunk AS c WHERE c.export_id = $1 AND " PULSE_CHUNK_SHOWS(
            "e.profiles", "i.ids") "))",
        {Value::Int8(id), Value::Time(since), Value::Int8s(known)}, true);
    if (rows[0].Bool(0))
        throw UserError(sqlstate::kSerializationFailure,
                        "a person in the file was erased while it was written", "", "Try again.");
}

// The one of a queued export is there already: its links were handed out.
void WriteSecret(int64_t id) {
    pg::Execute("INSERT INTO pulse.export_secret (export_id, secret) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                {Value::Int8(id), {BYTEAOID, pg::FromBytes(pg::RandomBytes(32)), false}});
}

}  // namespace

struct ExportWriter::State {
    export_writer::Limits limits;
    int64_t id = 0;
    std::optional<export_writer::FileWriter> file;
    Moment began_at = pg::WallClock();
    std::vector<int64_t> erasures = RecentErasures();
};

ExportWriter::ExportWriter(const ExportHead& head) : state_(std::make_unique<State>()) {
    state_->limits.Refresh();
    state_->limits.Check(1, 0);
    state_->id = pg::Execute(
                     "INSERT INTO pulse.export (segment, filename, format, as_of, created_by)"
                     " VALUES ($1, $2, $3, $4, $5) RETURNING id",
                     {Value::Text(head.segment), Value::Text(head.filename), Value::Text(head.format),
                      Value::Time(head.as_of), Value::Text(head.creator)})[0]
                     .Int8(0);
    state_->file.emplace(state_->id, state_->limits);
}

ExportWriter::ExportWriter(int64_t queued, Moment as_of) : state_(std::make_unique<State>()) {
    state_->limits.Refresh();  // with the row of this export, which has no bytes yet
    state_->limits.Check(0, 0);
    state_->id = queued;
    pg::Execute("UPDATE pulse.export SET as_of = $2 WHERE id = $1",
                {Value::Int8(queued), Value::Time(as_of)});
    state_->file.emplace(state_->id, state_->limits);
}

ExportWriter::~ExportWriter() = default;

void ExportWriter::Add(const std::string& lines) {
    state_->file->Add(lines);
}

// Of all their profiles: after an unmerge each is a person of its own, and the line was about both.
void ExportWriter::NotePeople(const std::vector<int64_t>& people) {
    static pg::Statement profiles(
        "SELECT coalesce(array_agg(p.id), '{}') FROM unnest($1) AS u (id) CROSS JOIN LATERAL"
        " (SELECT q.id FROM pulse.profile AS q WHERE q.canonical_id = u.id OFFSET 0) AS p",
        {INT8ARRAYOID});
    const ForceIndexPlans force_index_plans;
    state_->file->AddPeople(profiles.Execute({Value::Int8s(people)}, true)[0].Int8s(0));
}

int64_t ExportWriter::Finish(int64_t users) {
    export_writer::FileWriter& file = *state_->file;
    file.Finish();
    LockExports();
    CheckNobodyWasErased(state_->id, state_->erasures, state_->began_at - kHour);
    state_->limits.Refresh();  // with the row of this export, which has no bytes yet
    state_->limits.Check(0, file.bytes());
    pg::Execute(
        "UPDATE pulse.export SET users = $2, bytes = $3, chunks = $4, etag = $5, state = 'ready' WHERE id = $1",
        {Value::Int8(state_->id), Value::Int8(users), Value::Int8(file.bytes()), Value::Int4(file.chunks()),
         Value::Text(file.Etag())});
    WriteSecret(state_->id);
    return state_->id;
}

int64_t QueueExport(const ExportHead& head, const nlohmann::json& request, Oid role) {
    export_writer::Limits limits;
    limits.Refresh();
    limits.Check(1, 0);
    const int64_t id =
        pg::Execute(
            "INSERT INTO pulse.export (segment, filename, format, as_of, created_by, state, request, role_oid)"
            " VALUES ($1, $2, $3, $4, $5, 'queued', $6, $7) RETURNING id",
            {Value::Text(head.segment),
             Value::Text(head.filename),
             Value::Text(head.format),
             Value::Time(head.as_of),
             Value::Text(head.creator),
             Value::Jsonb(request),
             {OIDOID, ObjectIdGetDatum(role), false}})[0]
            .Int8(0);
    WriteSecret(id);
    return id;
}

}  // namespace pulse::trait
