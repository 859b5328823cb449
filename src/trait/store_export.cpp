// Listing, reading and deleting exports.
#include "pulse/trait/store_export.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "pulse/audit/store.hpp"
#include "pulse/base/error.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/retention.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/trait/export_token.hpp"
#include "pulse/trait/store_export_file.hpp"

namespace pulse::trait {

namespace {

using pg::Value;

constexpr int64_t kEpoch1970 = -10'957 * kDay;  // as a Moment

std::optional<Moment> KeptUntil(Moment created_at) {
    const int minutes = pg::settings::export_retention;
    return minutes == 0 ? std::nullopt : std::optional(created_at + minutes * kMinute);
}

// In whole seconds; a link does not outlive its file.
Moment LinkExpiry(Moment now, const std::optional<Moment>& kept_until) {
    const Moment end = now + pg::settings::export_link_expiry * kSecond;
    return std::min(end, kept_until.value_or(end)) / kSecond * kSecond;
}

// The columns of kExports.
Export ReadRow(const pg::Row& row, Moment now) {
    Export result;
    result.id = row.Int8(0);
    result.segment = row.TextOrNull(1);
    result.filename = row.Text(2);
    result.users = row.Int8(3);
    result.bytes = row.Int8(4);
    result.etag = row.Text(5);
    result.created_by = row.Text(6);
    result.created_at = row.Time(7);
    result.state = row.Text(9);
    result.kept_until = KeptUntil(result.created_at);
    result.expires_at = LinkExpiry(now, result.kept_until);
    result.token =
        MakeExportToken(result.id, (result.expires_at - kEpoch1970) / kSecond, pg::ToBytes(row.Raw(8)));
    return result;
}

constexpr const char* kExports =
    "SELECT e.id, e.segment, e.filename, e.users, e.bytes, e.etag, e.created_by, e.created_at, s.secret, e.state"
    " FROM pulse.export AS e JOIN pulse.export_secret AS s ON s.export_id = e.id ";

// One file in a transaction: it can have as many pieces as other rules delete rows.
int64_t DeleteOldExport(Moment before, int64_t) {
    return static_cast<int64_t>(
        pg::Execute("DELETE FROM pulse.export WHERE id = (SELECT e.id FROM pulse.export AS e"
                    " WHERE e.created_at < $1 ORDER BY e.created_at LIMIT 1)",
                    {Value::Time(before)})
            .processed());
}

[[maybe_unused]] const bool retention_registered = pg::RegisterRetention(
    {{.order = 160, .what = "exports", .minutes = &pg::settings::export_retention, .work = DeleteOldExport}});

}  // namespace

void RequireSightOfPeople() {
    const pg::Identity caller = pg::Identity::Caller();
    const pg::Session session;
    if (!pg::Execute("SELECT pulse.sees_people()", {}, true)[0].Bool(0))
        throw UserError(sqlstate::kInsufficientPrivilege, "permission denied for exports",
                        "They contain people, whom this role may not see.",
                        "Ask for the level people_reader: SELECT pulse_grant(role, 'people_reader').");
}

Export FindExport(int64_t id) {
    return ReadRow(pg::Execute(std::string(kExports) + "WHERE e.id = $1", {Value::Int8(id)})[0],
                   pg::WallClock());
}

Export CreateExport(const std::string& segment) {
    RequireSightOfPeople();
    const segment::Segment found = LoadForExport(segment);
    const std::string creator = pg::ActorName();
    const pg::OwnerSession session;
    const int64_t id = WriteExportFile(found, creator);
    const Export result = FindExport(id);
    audit::Write("segment.exported", segment,
                 {{"export", id}, {"filename", result.filename}, {"users", result.users}});
    return result;
}

std::vector<Export> ListExports() {
    RequireSightOfPeople();
    const pg::OwnerSession session;
    const Moment now = pg::WallClock();
    const pg::Result rows =
        pg::Execute(std::string(kExports) + "ORDER BY e.created_at DESC, e.id DESC", {}, true);
    std::vector<Export> exports;
    for (uint64_t i = 0; i < rows.size(); ++i) {
        Export row = ReadRow(rows[i], now);
        // What retention has not deleted yet is gone all the same.
        if (row.kept_until.value_or(now + 1) > now) exports.push_back(std::move(row));
    }
    return exports;
}

void DeleteExport(int64_t id) {
    RequireSightOfPeople();
    const pg::OwnerSession session;
    const pg::Result gone =
        pg::Execute("DELETE FROM pulse.export WHERE id = $1 RETURNING segment, filename", {Value::Int8(id)});
    if (gone.empty())
        throw UserError(sqlstate::kUndefinedObject, "export " + std::to_string(id) + " does not exist", "",
                        "pulse_list_exports() lists the exports.");
    audit::Write("export.deleted", gone[0].TextOrNull(0).value_or(kEverybody),
                 {{"export", id}, {"filename", gone[0].Text(1)}});
}

ExportPiece ReadExport(const std::string& token, int64_t chunk) {
    constexpr const char* kNewLink =
        "Take a new token from pulse_list_exports(), or export the segment again.";
    const std::optional<ExportToken> link = ReadExportToken(token);
    const pg::Result rows = pg::Execute(
        "SELECT s.secret, e.chunks, e.filename, e.etag, e.bytes, e.created_at, c.data, e.state, e.error"
        " FROM pulse.export AS e JOIN pulse.export_secret AS s ON s.export_id = e.id"
        " LEFT JOIN pulse.export_chunk AS c ON c.export_id = e.id AND c.chunk = $2 WHERE e.id = $1",
        {Value::Int8(link ? link->id : 0), Value::Int8(chunk)}, true);
    // One error for a wrong token and for a deleted file: it does not tell which exports there are.
    if (!link || rows.empty() || !IsSignedWith(*link, pg::ToBytes(rows[0].Raw(0))))
        throw UserError(sqlstate::kInsufficientPrivilege, "invalid token of an export",
                        "It was not made by this database, or its file is deleted.", kNewLink);
    const pg::Row row = rows[0];
    const Moment now = pg::WallClock();
    if ((now - kEpoch1970) / kSecond >= link->expires || KeptUntil(row.Time(5)).value_or(now + 1) <= now)
        throw UserError(sqlstate::kInsufficientPrivilege, "the token of the export has expired", "",
                        kNewLink);
    if (row.Text(7) == "queued")
        throw UserError(sqlstate::kNotReady, "the export is not ready", "The job exports writes it.",
                        "Try again later; pulse_list_exports() shows its state.");
    if (row.Text(7) == "failed")
        throw UserError(sqlstate::kNotReady, "the export failed", row.TextOrNull(8).value_or(""),
                        "Ask for it again.");
    // A file of JSON lines without people is empty.
    if (row.IsNull(6) && row.Int4(1) == 0 && chunk == 1)
        return {Value{BYTEAOID, pg::FromBytes(""), false}, 0, row.Text(2), row.Text(3), 0};
    if (row.IsNull(6))
        ThrowInvalid("the file has no piece " + std::to_string(chunk), "",
                     "Pieces are 1 to " + std::to_string(row.Int4(1)) + ".");
    return {Value{BYTEAOID, row.Raw(6), false}, row.Int4(1), row.Text(2), row.Text(3), row.Int8(4)};
}

}  // namespace pulse::trait
