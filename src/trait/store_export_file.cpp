// Writing the members of a segment into the file of an export: row by row through a cursor, with constant
// memory.
#include "pulse/trait/store_export_file.hpp"

#include "pulse/base/error.hpp"
#include "pulse/pg/memory.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/trait/export_file.hpp"
#include "pulse/trait/store_build.hpp"
#include "pulse/trait/store_export_writer.hpp"
#include "pulse/trait/store_metric_reader.hpp"

namespace pulse::trait {

namespace {

using pg::Value;

constexpr long kRowsAtOnce = 1000;

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
std::string RowsOf(const std::string& members) {
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

ExportRow ReadMember(const pg::Row& row) {
    return {row.Int8(0),       row.Time(1),       row.Time(2),      row.Time(3),
            row.TextOrNull(4), row.TextOrNull(5), row.TextOrNull(6)};
}

// Returns the number of members.
int64_t WriteMembers(const segment::Segment& segment, Moment now, ExportWriter& file) {
    file.Add(ExportHeader());
    int64_t users = 0;
    // Without statistics, as in a restored database, other plans would read whole tables for each person.
    const ForceIndexPlans force_index_plans;
    pg::Cursor cursor(RowsOf(ExportedMembers(segment.id)), {Value::Int8(segment.id), Value::Time(now)});
    std::string line;
    std::vector<int64_t> people;
    for (;;) {
        const pg::Result rows = cursor.Fetch(kRowsAtOnce);
        if (rows.empty()) break;
        for (uint64_t i = 0; i < rows.size(); ++i) {
            line.clear();
            const pg::Arena arena("pulse export");
            AppendExportRow(line, ReadMember(rows[i]));
            file.Add(line);
            people.push_back(rows[i].Int8(0));
        }
        file.NotePeople(people);
        people.clear();
        users += static_cast<int64_t>(rows.size());
    }
    return users;
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

std::string ExportedMembers(int64_t segment) {
    return IsLive(segment) ? kMembers : kMembersWhileBuilding;
}

int64_t WriteExportFile(const segment::Segment& segment, const std::string& creator) {
    const Moment now = pg::Now();
    ExportWriter file(
        {segment.name, ExportFileName("segment", segment.name, now, "csv"), "csv", now, creator});
    return file.Finish(WriteMembers(segment, now, file));
}

}  // namespace pulse::trait
