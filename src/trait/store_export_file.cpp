// Writing the members of a segment into the file of an export: row by row through a cursor, with constant
// memory.
#include "pulse/trait/store_export_file.hpp"

#include "pulse/base/error.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/memory.hpp"
#include "pulse/pg/probe.hpp"
#include "pulse/pg/random.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/trait/export_file.hpp"
#include "pulse/trait/store_build.hpp"
#include "pulse/trait/store_metric_reader.hpp"

namespace pulse::trait {

namespace {

using pg::Value;

constexpr size_t kLargestPiece = 256 * 1024;
constexpr long kRowsAtOnce = 1000;
constexpr const char* kMakeRoom =
    "Delete some with pulse_delete_export(); pulse_list_exports() lists them, and the job retention deletes "
    "those that are older than pulse.export_retention.";

// The members of a live segment ($1) at an instant ($2): as in the view pulse.membership, whose state is not
// valid then is evaluated.
constexpr const char* kMembers =
    "SELECT m.profile_id, m.since, t.as_of FROM pulse.member AS m"
    " JOIN pulse.profile_state AS t ON t.profile_id = m.profile_id WHERE m.segment_id = $1"
    " AND t.as_of <= $2 AND (t.next_change_at IS NULL OR t.next_change_at > $2)"
    " UNION ALL SELECT d.profile_id, least(e.since, $2), $2 FROM ("
    "SELECT t.profile_id FROM pulse.profile_state AS t WHERE t.next_change_at <= $2 AND t.as_of <= $2"
    " UNION ALL SELECT t.profile_id FROM pulse.profile_state AS t WHERE t.as_of > $2 ORDER BY profile_id) AS d"
    " CROSS JOIN LATERAL pulse.evaluate_segments(d.profile_id, false) AS e WHERE e.segment_id = $1";

// The same while the segment is built for the first time: everybody is evaluated.
constexpr const char* kMembersWhileBuilding =
    "SELECT d.id AS profile_id, least(e.since, $2) AS since, $2 AS as_of FROM ("
    "SELECT p.id FROM pulse.profile AS p WHERE p.canonical_id = p.id ORDER BY p.id) AS d"
    " CROSS JOIN LATERAL pulse.evaluate_segments(d.id, true) AS e WHERE e.segment_id = $1";

// Only numbers are sorted; the ids of each person are read afterwards, by index.
std::string RowsOf(const char* members) {
    return std::string(
               "SELECT d.profile_id, d.first_seen_at, d.since, d.as_of, i.device_id, i.external_id,"
               " coalesce(i.email_hash, encode(sha256(convert_to(i.email, 'UTF8')), 'hex'))"
               " FROM (SELECT m.profile_id, m.since, m.as_of, p.first_seen_at FROM (") +
           members +
           ") AS m CROSS JOIN LATERAL (SELECT min(q.first_seen_at) AS first_seen_at FROM pulse.profile AS q"
           " WHERE q.canonical_id = m.profile_id) AS p"
           " ORDER BY p.first_seen_at DESC, m.profile_id DESC) AS d"
           " CROSS JOIN LATERAL (SELECT"
           " (array_agg(n.value ORDER BY n.first_seen_at, n.value) FILTER (WHERE n.kind = 'device_id'))[1] AS device_id,"
           " (array_agg(n.value ORDER BY n.first_seen_at, n.value) FILTER (WHERE n.kind = 'user_id'))[1] AS external_id,"
           " (array_agg(n.value ORDER BY n.first_seen_at, n.value) FILTER (WHERE n.kind = 'email'))[1] AS email,"
           " (array_agg(n.value ORDER BY n.first_seen_at, n.value) FILTER (WHERE n.kind = 'email_hash'))[1] AS email_hash"
           " FROM pulse.profile AS q JOIN pulse.identity AS n ON n.profile_id = q.id"
           " AND n.kind IN ('device_id', 'user_id', 'email', 'email_hash') WHERE q.canonical_id = d.profile_id) AS i"
           " ORDER BY d.first_seen_at DESC, d.profile_id DESC";
}

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

// Cuts the file into pieces between two lines, and writes each when it is full.
class FileWriter {
  public:
    FileWriter(int64_t id, const Limits& limits) : id_(id), limits_(limits) {}

    void Add(const std::string& lines) {
        if (piece_.size() + lines.size() > kLargestPiece) Flush();
        piece_ += lines;
    }

    void Flush() {
        if (piece_.empty()) return;
        bytes_ += static_cast<int64_t>(piece_.size());
        limits_.Check(0, bytes_);
        hash_.Add(piece_);
        const pg::Arena arena("pulse export");
        static pg::Statement insert(
            "INSERT INTO pulse.export_chunk (export_id, chunk, data) VALUES ($1, $2, $3)",
            {INT8OID, INT4OID, BYTEAOID});
        insert.Execute({Value::Int8(id_), Value::Int4(++chunks_), {BYTEAOID, pg::FromBytes(piece_), false}});
        piece_.clear();
    }

    int64_t bytes() const { return bytes_; }
    int32_t chunks() const { return chunks_; }
    std::string Etag() { return hash_.Digits(); }

  private:
    int64_t id_;
    const Limits& limits_;
    std::string piece_;
    ExportHash hash_;
    int64_t bytes_ = 0;
    int32_t chunks_ = 0;
};

ExportRow ReadMember(const pg::Row& row) {
    return {row.Int8(0),       row.Time(1),       row.Time(2),      row.Time(3),
            row.TextOrNull(4), row.TextOrNull(5), row.TextOrNull(6)};
}

// Returns the number of members.
int64_t WriteMembers(const segment::Segment& segment, Moment now, bool live, FileWriter& file) {
    file.Add(ExportHeader());
    int64_t users = 0;
    // Without statistics, as in a restored database, other plans would read whole tables for each person.
    const ForceIndexPlans force_index_plans;
    pg::Cursor cursor(RowsOf(live ? kMembers : kMembersWhileBuilding),
                      {Value::Int8(segment.id), Value::Time(now)});
    std::string line;
    for (;;) {
        const pg::Result rows = cursor.Fetch(kRowsAtOnce);
        if (rows.empty()) break;
        for (uint64_t i = 0; i < rows.size(); ++i) {
            line.clear();
            const pg::Arena arena("pulse export");
            AppendExportRow(line, ReadMember(rows[i]));
            file.Add(line);
        }
        users += static_cast<int64_t>(rows.size());
    }
    file.Flush();
    return users;
}

// Whether it has a live version; while it is built for the first time it has none.
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

segment::Segment LoadForExport(const std::string& name) {
    segment::Segment segment = segment::Load(name);
    if (segment.kind != segment::SegmentKind::kProfile)
        throw UserError(sqlstate::kWrongObjectType,
                        "segment \"" + segment.name + "\" is not a segment over people",
                        "It is a segment over a " + std::string(segment::Name(segment.kind)) + ".",
                        "Read its members from its source; pulse_explain_segment() shows the query.");
    segment::RequireMeasured(segment);
    return segment;
}

int64_t WriteExportFile(const segment::Segment& segment, const std::string& creator) {
    Limits limits;
    limits.Refresh();
    limits.Check(1, 0);
    const Moment now = pg::Now();
    const bool live = IsLive(segment.id);
    const int64_t id =
        pg::Execute(
            "INSERT INTO pulse.export (segment, filename, as_of, created_by) VALUES ($1, $2, $3, $4) RETURNING id",
            {Value::Text(segment.name), Value::Text(ExportFileName(segment.name, now)), Value::Time(now),
             Value::Text(creator)})[0]
            .Int8(0);
    FileWriter file(id, limits);
    const int64_t users = WriteMembers(segment, now, live, file);
    LockExports();
    limits.Refresh();  // with the row of this export, which has no bytes yet
    limits.Check(0, file.bytes());
    pg::Execute("UPDATE pulse.export SET users = $2, bytes = $3, chunks = $4, etag = $5 WHERE id = $1",
                {Value::Int8(id), Value::Int8(users), Value::Int8(file.bytes()), Value::Int4(file.chunks()),
                 Value::Text(file.Etag())});
    pg::Execute("INSERT INTO pulse.export_secret (export_id, secret) VALUES ($1, $2)",
                {Value::Int8(id), {BYTEAOID, pg::FromBytes(pg::RandomBytes(32)), false}});
    return id;
}

}  // namespace pulse::trait
