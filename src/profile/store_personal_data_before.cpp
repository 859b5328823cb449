// What the rooms before this one hold about a person: they cannot see its registry.
#include "pulse/profile/personal_data.hpp"

namespace pulse::profile {

namespace {

// Messages to subscriptions. Those that announce the exits of the person, by the number alone, are still to
// be sent.
constexpr const char* kOutbox[] = {"outbox", nullptr};
#define PULSE_ABOUT_PERSON "t.order_key = ANY (SELECT 'event:profile:' || p.id FROM unnest($1) AS p (id))"
constexpr ErasureScan kOutboxScans[] = {
    {"outbox",
     "(" PULSE_ABOUT_PERSON " OR t.kind = 'event' AND coalesce(pulse.mentions(t.payload::text, $2), false))"
     " AND coalesce(t.payload #>> '{data,cause}', '') <> 'erasure'"},
    {}};
constexpr ExportPart kOutboxParts[] = {
    {"messages",
     "SELECT jsonb_build_object('channel', t.channel, 'event', t.event, 'status', t.status, 'payload', t.payload,"
     " 'answer', t.answer, 'created_at', t.created_at, 'finished_at', t.finished_at)"
     " FROM pulse.outbox AS t WHERE " PULSE_ABOUT_PERSON
     " OR t.kind = 'event' AND pulse.mentions(t.payload::text, $2) ORDER BY t.id"},
    {}};
#undef PULSE_ABOUT_PERSON

[[maybe_unused]] const bool before_registered =
    RegisterPersonalData(
        {.room = "delivery", .tables = kOutbox, .scans = kOutboxScans, .parts = kOutboxParts}) &&
    RegisterWithoutPersonalData("pg", {{"level", "The names of the permission levels."}}) &&
    RegisterWithoutPersonalData(
        "audit", {{"audit",
                   "Who administers Pulse, and what they did; people by the number of an erasure or "
                   "profile alone."},
                  {"audit_unsealed", "Numbers of rows of the audit log."},
                  {"audit_seal", "Hashes over rows of the audit log."},
                  {"audit_checkpoint", "Hashes of the chain of the audit log."}}) &&
    RegisterWithoutPersonalData("source", {{"source_usage", "What reading elsewhere cost."}}) &&
    RegisterWithoutPersonalData("segment",
                                {{"segment", "Definitions."}, {"segment_version", "Definitions."}}) &&
    RegisterWithoutPersonalData(
        "snapshot", {{"snapshot", "Figures of segments, and the smallest hashes of their members."},
                     {"distribution", "Figures of the attributes of segments."},
                     {"snapshot_source", "How many members a segment has on each of several servers."},
                     {"snapshot_request", "Requests to measure segments."}}) &&
    RegisterWithoutPersonalData("drift", {{"incident_record", "Figures of segments, tables and events."},
                                          {"incident_event", "What happened to incidents."}}) &&
    RegisterWithoutPersonalData("diagnosis",
                                {{"investigation", "What a model says about an incident."},
                                 {"agent_step", "Its steps: figures of segments and tables."}}) &&
    RegisterWithoutPersonalData("health", {{"monitor", "Definitions."},
                                           {"monitor_check", "Definitions."},
                                           {"check_result", "Figures of tables."},
                                           {"mute", "Times in which incidents are muted."}}) &&
    RegisterWithoutPersonalData("delivery", {{"notice", "That an incident or snapshot has to be told."},
                                             {"told", "What channels know about incidents."},
                                             {"channel_state", "Whether channels work."},
                                             {"route", "Definitions."},
                                             {"subscription", "Definitions."},
                                             {"cool_down", "When channels may be told again."}});

}  // namespace

}  // namespace pulse::profile
