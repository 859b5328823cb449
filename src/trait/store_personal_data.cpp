// What this room holds about a person.
#include "pulse/profile/personal_data.hpp"

#include "pulse/profile/store_erasure.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/trait/store_update_state.hpp"

#include "export_chunk_sql.hpp"

namespace pulse::trait {

namespace {

using profile::DataSubject;
using profile::EraseRows;
using profile::ErasureScan;
using profile::ExportPart;

int64_t CountRows(const DataSubject& person, const char* table) {
    return pg::Execute(
               "SELECT count(*) FROM pulse." + pg::QuoteIdentifier(table) + " WHERE profile_id = ANY ($1)",
               {pg::Value::Int8s(person.profiles)})[0]
        .Int8(0);
}

// The exits are announced: whoever keeps a copy of the members by the number of the profile takes the person
// out of it.
constexpr const char* kState[] = {"profile_state", "member", "next_member", nullptr};
constexpr ExportPart kStateParts[] = {
    {"memberships",
     "SELECT jsonb_build_object('segment', s.name, 'since', m.since, 'rule', s.definition)"
     " FROM pulse.member AS m JOIN pulse.segment AS s ON s.id = m.segment_id WHERE m.profile_id = ANY ($1)"
     " ORDER BY s.name"},
    {"traits",
     "SELECT jsonb_build_object('trait', t.key, 'value', t.value) FROM unnest($1) AS u (id)"
     " CROSS JOIN LATERAL pulse.evaluate_traits(u.id) AS t ORDER BY t.key"},
    {"metrics",
     "SELECT jsonb_build_object('metric', m.text, 'value', e.value -> 0, 'as_of', s.as_of)"
     " FROM pulse.profile_state AS s CROSS JOIN LATERAL jsonb_each(s.metrics) AS e"
     " JOIN pulse.metric AS m ON m.id = e.key::bigint WHERE s.profile_id = ANY ($1) ORDER BY m.text"},
    {}};
int64_t EraseState(const DataSubject& person) {
    int64_t rows = 0;
    for (const char* const* table = kState; *table; ++table) rows += CountRows(person, *table);
    if (rows == 0) return 0;
    for (const int64_t each : person.profiles) RemoveMergedProfile(each, "erasure");
    return rows;
}
[[maybe_unused]] const bool state_registered = profile::RegisterPersonalData(
    {.room = "trait", .tables = kState, .erase = EraseState, .parts = kStateParts});

constexpr const char* kChange[] = {"membership_change", nullptr};
constexpr ErasureScan kChangeScans[] = {
    {"membership_change", "t.profile_id = ANY ($1) AND t.cause <> 'erasure'"}, {}};
constexpr ExportPart kChangeParts[] = {
    {"membership_changes",
     "SELECT jsonb_build_object('segment', coalesce(s.name, 'segment ' || c.segment_id), 'change', c.change, 'at', c.at,"
     " 'cause', c.cause, 'version', c.version) FROM pulse.membership_change AS c"
     " LEFT JOIN pulse.segment AS s ON s.id = c.segment_id WHERE c.profile_id = ANY ($1) ORDER BY c.at, c.id"},
    {}};
[[maybe_unused]] const bool change_registered = profile::RegisterPersonalData(
    {.room = "trait", .tables = kChange, .scans = kChangeScans, .parts = kChangeParts});

constexpr const char* kStatic[] = {"static_member", nullptr};
constexpr ExportPart kStaticParts[] = {
    {"static_memberships",
     "SELECT jsonb_build_object('segment', s.name, 'added_at', m.added_at, 'added_by', m.added_by, 'removed_at',"
     " m.removed_at, 'removed_by', m.removed_by) FROM pulse.static_member AS m JOIN pulse.segment AS s"
     " ON s.id = m.segment_id WHERE m.profile_id = ANY ($1) ORDER BY m.added_at, s.name"},
    {}};
[[maybe_unused]] const bool static_registered = profile::RegisterPersonalData(
    {.room = "trait",
     .tables = kStatic,
     .erase =
         [](const DataSubject& person) {
             return EraseRows(person, "DELETE FROM pulse.static_member WHERE profile_id = ANY ($1)");
         },
     .parts = kStaticParts});

constexpr const char* kQueue[] = {"dirty", "unsettled_person", "archive_wait", "event_recalled", nullptr};
constexpr ExportPart kQueueParts[] = {
    {"failed_evaluations",
     "SELECT to_jsonb(u) FROM pulse.unsettled_person AS u WHERE u.profile_id = ANY ($1)"},
    {"archive_waits", "SELECT to_jsonb(w) FROM pulse.archive_wait AS w WHERE w.profile_id = ANY ($1)"},
    {}};
[[maybe_unused]] const bool queue_registered = profile::RegisterPersonalData(
    {.room = "trait",
     .tables = kQueue,
     .erase =
         [](const DataSubject& person) {
             return EraseRows(person, "DELETE FROM pulse.dirty WHERE profile_id = ANY ($1)") +
                    EraseRows(person, "DELETE FROM pulse.unsettled_person WHERE profile_id = ANY ($1)") +
                    EraseRows(person, "DELETE FROM pulse.archive_wait WHERE profile_id = ANY ($1)") +
                    EraseRows(person, "DELETE FROM pulse.event_recalled WHERE profile_id = ANY ($1)");
         },
     .parts = kQueueParts});

// Files live for a day and can be made again: one that has a line of the person, whatever its columns are, or
// an id of the person in another line, is deleted as a whole.
#define PULSE_FILES_WITH_PERSON                                                                 \
    "pulse.export AS f WHERE f.id = ANY (ARRAY(SELECT c.export_id FROM pulse.export_chunk AS c" \
    " WHERE " PULSE_CHUNK_SHOWS("$1", "$2") ")) OR pulse.mentions(f.request::text, $2)"
constexpr const char* kExport[] = {"export", "export_chunk", nullptr};
constexpr ExportPart kExportParts[] = {
    {"files",
     "SELECT jsonb_build_object('segment', f.segment, 'filename', f.filename, 'created_by', f.created_by,"
     " 'created_at', f.created_at) FROM " PULSE_FILES_WITH_PERSON " ORDER BY f.id"},
    {}};
[[maybe_unused]] const bool export_registered = profile::RegisterPersonalData(
    {.room = "trait",
     .tables = kExport,
     .erase =
         [](const DataSubject& person) { return EraseRows(person, "DELETE FROM " PULSE_FILES_WITH_PERSON); },
     .parts = kExportParts});
#undef PULSE_FILES_WITH_PERSON

[[maybe_unused]] const bool without_personal_data =
    profile::RegisterWithoutPersonalData("trait", {{"trait", "Definitions."},
                                                   {"trait_version", "Definitions."},
                                                   {"metric", "Definitions."},
                                                   {"live_segment", "Definitions."},
                                                   {"definition", "A lock."},
                                                   {"change_position", "A position."},
                                                   {"change_consumer", "Positions of consumers."},
                                                   {"export_secret", "Secrets of links."}});

}  // namespace

}  // namespace pulse::trait
