// What this room holds about a person.
#include "pulse/profile/personal_data.hpp"
#include "pulse/profile/store_erasure.hpp"

namespace pulse::profile {

namespace {

constexpr const char* kProfileTable[] = {"profile", nullptr};
constexpr ExportPart kProfileParts[] = {
    {"profiles",
     "SELECT to_jsonb(p) - 'account_id' || jsonb_build_object('account', (SELECT a.key FROM pulse.account AS a"
     " WHERE a.id = p.account_id)) FROM pulse.profile AS p WHERE p.id = ANY ($1) ORDER BY p.id"},
    {}};
[[maybe_unused]] const bool profile_registered =
    RegisterPersonalData({.room = "profile",
                          .tables = kProfileTable,
                          .erase =
                              [](const DataSubject& person) {
                                  return EraseRows(person, "DELETE FROM pulse.profile WHERE id = ANY ($1)");
                              },
                          .parts = kProfileParts});

constexpr const char* kIdentity[] = {"identity", nullptr};
constexpr ExportPart kIdentityParts[] = {
    {"identities",
     "SELECT to_jsonb(i) FROM pulse.identity AS i WHERE i.profile_id = ANY ($1)"
     " ORDER BY i.first_seen_at, i.kind, i.value"},
    {}};
[[maybe_unused]] const bool identity_registered = RegisterPersonalData(
    {.room = "profile",
     .tables = kIdentity,
     .erase =
         [](const DataSubject& person) {
             return EraseRows(person, "DELETE FROM pulse.identity WHERE profile_id = ANY ($1)");
         },
     .parts = kIdentityParts});

constexpr const char* kAccountMember[] = {"account_member", nullptr};
constexpr ExportPart kAccountParts[] = {
    {"accounts",
     "SELECT jsonb_build_object('account', a.key, 'attributes', a.attributes, 'profile_id', m.profile_id,"
     " 'since', m.since) FROM pulse.account_member AS m JOIN pulse.account AS a ON a.id = m.account_id"
     " WHERE m.profile_id = ANY ($1) ORDER BY m.since, a.key"},
    {}};
[[maybe_unused]] const bool account_registered = RegisterPersonalData(
    {.room = "profile",
     .tables = kAccountMember,
     .erase =
         [](const DataSubject& person) {
             return EraseRows(person, "DELETE FROM pulse.account_member WHERE profile_id = ANY ($1)");
         },
     .parts = kAccountParts});

// The job activity forgets what batches recorded of profiles that are gone.
constexpr const char* kActivity[] = {"activity", "activity_tally", "ingest_tally", nullptr};
constexpr ExportPart kActivityParts[] = {
    {"activity",
     "SELECT to_jsonb(a) FROM pulse.activity AS a WHERE a.profile_id = ANY ($1) ORDER BY a.profile_id"},
    {}};
[[maybe_unused]] const bool activity_registered = RegisterPersonalData(
    {.room = "profile",
     .tables = kActivity,
     .erase =
         [](const DataSubject& person) {
             return EraseRows(person, "DELETE FROM pulse.activity WHERE profile_id = ANY ($1)");
         },
     .parts = kActivityParts});

// Of merges of other people the ids of this one are taken out, and what they took over from it.
#define PULSE_WITHOUT_IDS(column)                                                                \
    column " = (SELECT coalesce(jsonb_object_agg(e.key, e.value), '{}') FROM jsonb_each(" column \
           ") AS e WHERE NOT pulse.mentions(e.value::text, $2))"
constexpr const char* kMergeHistory[] = {"merge_history", nullptr};
constexpr ErasureScan kMergeScans[] = {
    {"merge_history",
     "pulse.mentions(concat_ws(' ', t.linked_by, t.survivor_attributes, t.merged_attributes, t.filled), $2)",
     "linked_by = CASE WHEN NOT pulse.mentions(t.linked_by::text, $2) THEN t.linked_by END, " PULSE_WITHOUT_IDS(
         "survivor_attributes") ", " PULSE_WITHOUT_IDS("merged_attributes") ", " PULSE_WITHOUT_IDS("filled")},
    {}};
#undef PULSE_WITHOUT_IDS
constexpr ExportPart kMergeParts[] = {
    {"merges",
     "SELECT to_jsonb(h) FROM pulse.merge_history AS h WHERE h.survivor_id = ANY ($1) OR h.merged_id = ANY ($1)"
     " ORDER BY h.id"},
    {}};
[[maybe_unused]] const bool merges_registered = RegisterPersonalData(
    {.room = "profile",
     .tables = kMergeHistory,
     .erase =
         [](const DataSubject& person) {
             return EraseRows(person,
                              "DELETE FROM pulse.merge_history WHERE survivor_id = ANY ($1)"
                              " OR merged_id = ANY ($1)");
         },
     .scans = kMergeScans,
     .parts = kMergeParts});

// The job deletes the events themselves, by their index: store_erasure_step.cpp.
// A deleted event is deleted from the copy of its month, too.
constexpr const char* kEvent[] = {
    "event",        "event_copy",     "event_late", "event_archive_change", "archived_profile",
    "message_seen", "event_property", nullptr};
constexpr ExportPart kEventParts[] = {
    {"events",
     "SELECT to_jsonb(e) - 'archived' FROM pulse.event AS e WHERE e.profile_id = ANY ($1) ORDER BY e.profile_id, e.name, e.time"},
    {}};
// Examples of values of the person's events are forgotten with these; of other events those that name the
// person.
constexpr ErasureScan kEventScans[] = {
    {"event_property", "t.examples <> '[]' AND pulse.mentions(t.examples::text, $2)", "examples = '[]'"}, {}};
[[maybe_unused]] const bool events_registered =
    RegisterPersonalData({.room = "profile", .tables = kEvent, .scans = kEventScans, .parts = kEventParts});

constexpr const char* kRejected[] = {"rejected_event", nullptr};
constexpr ErasureScan kRejectedScans[] = {
    {"rejected_event",
     "pulse.mentions(t.payload::text, $2) OR pulse.mentions(t.detail, $2)"
     " OR coalesce(pulse.mentions(t.message_id, $2), false)"},
    {}};
constexpr ExportPart kRejectedParts[] = {
    {"rejected_events",
     "SELECT to_jsonb(r) FROM pulse.rejected_event AS r WHERE pulse.mentions(r.payload::text, $2) ORDER BY r.id"},
    {}};
[[maybe_unused]] const bool rejected_registered = RegisterPersonalData(
    {.room = "profile", .tables = kRejected, .scans = kRejectedScans, .parts = kRejectedParts});

constexpr const char* kFeed[] = {"feed_item", nullptr};
constexpr ExportPart kFeedParts[] = {
    {"feed_items",
     "SELECT to_jsonb(f) FROM pulse.feed_item AS f WHERE f.profile_id = ANY ($1) ORDER BY f.id"},
    {}};
[[maybe_unused]] const bool feed_registered = RegisterPersonalData(
    {.room = "profile",
     .tables = kFeed,
     .erase =
         [](const DataSubject& person) {
             return EraseRows(person, "DELETE FROM pulse.feed_item WHERE profile_id = ANY ($1)");
         },
     .parts = kFeedParts});

// Numbers of profiles, until their events are deleted on the archive.
constexpr const char* kArchiveErasure[] = {"archive_erasure", nullptr};
[[maybe_unused]] const bool archive_erasure_registered =
    RegisterPersonalData({.room = "profile", .tables = kArchiveErasure, .pending = kArchiveErasure});

[[maybe_unused]] const bool without_registered = RegisterWithoutPersonalData(
    "profile", {{"account", "Groups of people, such as companies. Who belongs to them is in account_member."},
                {"identity_kind", "Kinds of ids."},
                {"event_kind", "Totals by event name."},
                {"event_month", "How far the months of events are ordered."},
                {"event_archive", "Which months of events are on another server."},
                {"event_day", "Totals by day and event name."},
                {"event_hour", "Totals by hour."},
                {"event_source_hour", "Totals by hour, event name and source."},
                {"event_property_day", "Totals by day and property."},
                {"source_total", "Totals by source."},
                {"feed_consumer", "Positions of subscriptions."},
                {"erasure", "Certificates: that somebody was erased, not who."},
                {"erasure_subject", "Ids of people who are being erased, deleted when that ends."},
                {"erased_identifier", "Keyed hashes that recognise an id that comes."},
                {"erasure_key", "The key of these hashes."}});

}  // namespace

}  // namespace pulse::profile
