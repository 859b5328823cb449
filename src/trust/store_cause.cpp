// What causes automations: incidents write it down by themselves; schedules, members and signals are
// checked.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "pulse/base/schedule.hpp"
#include "pulse/drift/listener.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/probe.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/timezone.hpp"
#include "pulse/trait/store_consumer.hpp"
#include "pulse/trait/store_metric_reader.hpp"
#include "pulse/trust/store_automation.hpp"

namespace pulse::trust {

namespace {

using nlohmann::json;
using pg::Value;

constexpr int64_t kMostChanges = 10'000;  // of membership read at once
constexpr size_t kMostProfiles = 1000;    // named in a cause
// How often signals and members are checked when nothing else happens.
constexpr int64_t kCheckEvery = kMinute;

// ---- incidents ----

bool IsCause(const std::string& kind) {
    return kind == "opened" || kind == "reopened" || kind == "worsened";
}

// In the transaction that opened the incident: only rows are written. A mild incident that gets worse acts
// when it reaches the severity; each incident acts once.
void NoteIncidentCause(int64_t incident, int64_t, const std::string& kind, Moment at) {
    static pg::Statement any(
        "SELECT EXISTS (SELECT FROM pulse.automation WHERE status = 'active' AND cause = 'incident')", {});
    static pg::Statement note(
        "INSERT INTO pulse.automation_trigger (automation_id, key, at, data)"
        " SELECT a.id, 'incident:' || r.id, $2, jsonb_build_object('incident', r.id, 'segment', s.name,"
        " 'table', r.relation, 'event', r.event, 'detector', r.detector, 'severity', r.severity,"
        " 'direction', r.direction, 'change', r.change)"
        " FROM pulse.incident_record AS r LEFT JOIN pulse.segment AS s ON s.id = r.segment_id"
        " JOIN pulse.automation AS a ON a.status = 'active' AND a.cause = 'incident'"
        " CROSS JOIN LATERAL (SELECT a.definition -> 'when' -> 'incident' AS w) AS w"
        " WHERE r.id = $1 AND (a.cause_segment_id IS NULL OR a.cause_segment_id = r.segment_id)"
        " AND coalesce(nullif(w.w ->> 'detector', ''), r.detector) IN"
        " (r.detector, CASE WHEN r.segment_id IS NOT NULL THEN 'segment' WHEN r.monitor_id IS NOT NULL THEN 'table'"
        " ELSE 'event' END)"
        " AND array_position(ARRAY['low', 'medium', 'high', 'critical'], r.severity) >="
        " coalesce(array_position(ARRAY['low', 'medium', 'high', 'critical'], w.w ->> 'severity'), 1)"
        " ON CONFLICT (automation_id, key) DO NOTHING",
        {INT8OID, TIMESTAMPTZOID});
    if (!IsCause(kind) || !any.Execute({})[0].Bool(0)) return;
    if (note.Execute({Value::Int8(incident), Value::Time(at)}).processed() > 0) pg::NotifyLauncher();
}

[[maybe_unused]] const bool listening_to_incidents = drift::ListenToIncidents(NoteIncidentCause);

// ---- schedules ----

bool CauseFromSchedule(const ActiveAutomation& automation) {
    const Moment now = pg::Now();
    if (!automation.next_run || *automation.next_run > now) return false;
    pg::Execute("UPDATE pulse.automation SET next_run = $2 WHERE id = $1",
                {Value::Int8(automation.id),
                 Value::Time(NextRunOf(automation.definition.when, now, automation.anchor))});
    const std::string due = FormatMoment(*automation.next_run);
    return NoteCause(automation.id, "schedule:" + due, {{"due", due}}, std::nullopt);
}

// ---- members ----

struct Moved {
    int64_t entered = 0, exited = 0, reach = 0;
    std::vector<int64_t> profiles;  // of the changes that count, the first of them
    int64_t matching = 0;
};

// All changes up to a position count as moved, also those of a changed definition or an import; only those
// that the automation asks for, and that are not quiet, cause it.
Moved ReadMoved(const ActiveAutomation& automation, int64_t last) {
    static pg::Statement statement(
        "SELECT c.position, c.change, c.profile_id, c.quiet OR c.cause = 'definition'"
        " FROM pulse.membership_change AS c WHERE c.position > $1 AND c.position <= $2 AND c.segment_id = $3"
        " ORDER BY c.position LIMIT $4",
        {INT8OID, INT8OID, INT8OID, INT8OID});
    Moved moved;
    const pg::Result rows =
        statement.Execute({Value::Int8(automation.position.value_or(last)), Value::Int8(last),
                           Value::Int8(automation.segment), Value::Int8(kMostChanges)});
    const std::string& wanted = automation.definition.when.change;
    for (uint64_t i = 0; i < rows.size(); ++i) {
        const bool entered = rows[i].Text(1) == "entered";
        (entered ? moved.entered : moved.exited) += 1;
        if (rows[i].Bool(3) || (!wanted.empty() && wanted != rows[i].Text(1))) continue;
        ++moved.matching;
        if (moved.profiles.size() < kMostProfiles) moved.profiles.push_back(rows[i].Int8(2));
    }
    const bool all = static_cast<int64_t>(rows.size()) < kMostChanges;
    moved.reach = all ? last : rows[rows.size() - 1].Int8(0);
    return moved;
}

// The share of the segment that moved, at most. Members are counted only as far as it matters, so that the
// cost follows the changes.
double ShareOf(const ActiveAutomation& automation, const Moved& moved) {
    static pg::Statement statement(
        "SELECT count(*) FROM (SELECT FROM pulse.member WHERE segment_id = $1 LIMIT $2) AS m",
        {INT8OID, INT8OID});
    constexpr double kFinest = 0.001;
    const int64_t changes = moved.entered + moved.exited;
    const auto most = static_cast<int64_t>(std::ceil(static_cast<double>(changes) / kFinest)) + moved.entered;
    const int64_t members =
        statement.Execute({Value::Int8(automation.segment), Value::Int8(most)})[0].Int8(0);
    const int64_t before = std::max<int64_t>(members + moved.exited - moved.entered, 0);
    return before == 0 ? 1 : std::min(1.0, static_cast<double>(changes) / static_cast<double>(before));
}

bool CauseFromMembers(const ActiveAutomation& automation) {
    if (!automation.segment) return false;
    const trait::ForceIndexPlans force_index_plans;
    trait::AssignPositions(kMostChanges, false);
    const int64_t last = trait::LastPosition();
    if (automation.position && *automation.position >= last) return false;
    // What it cannot act on now is not taken: it counts with what comes later.
    if (automation.position && WhyNotNow(automation)) return false;
    const Moved moved = ReadMoved(automation, last);
    pg::Execute("UPDATE pulse.automation SET position = $2 WHERE id = $1",
                {Value::Int8(automation.id), Value::Int8(moved.reach)});
    if (moved.matching == 0) return false;
    const double share = ShareOf(automation, moved);
    const json data = {{"segment", automation.definition.when.segment},
                       {"entered", moved.entered},
                       {"exited", moved.exited},
                       {"people", moved.matching},
                       {"share", share},
                       {"profiles", moved.profiles},
                       {"position", moved.reach}};
    return NoteCause(automation.id, "members:" + std::to_string(moved.reach), data, share);
}

// ---- signals ----

bool CauseFromSignal(const ActiveAutomation& automation) {
    static pg::Statement newest(
        "SELECT last_value, last_at, source, entity FROM pulse.signal_series WHERE name = $1"
        " AND ($2 = '' OR entity = $2) ORDER BY last_at DESC, source, entity LIMIT 1",
        {TEXTOID, TEXTOID});
    const Trigger& when = automation.definition.when;
    const pg::Result rows = newest.Execute({Value::Text(when.signal), Value::Text(when.entity)});
    if (rows.empty()) return false;
    const double value = rows[0].Float8(0);
    const bool met = when.above ? value > *when.above : value < when.below.value_or(0);
    if (met == automation.signal_met) return false;
    pg::Execute("UPDATE pulse.automation SET signal_met = $2, signal_at = $3 WHERE id = $1",
                {Value::Int8(automation.id), Value::Bool(met), Value::Time(rows[0].Time(1))});
    if (!met) return false;
    const std::string at = FormatMoment(rows[0].Time(1));
    return NoteCause(automation.id, "signal:" + at,
                     {{"signal", when.signal},
                      {"source", rows[0].Text(2)},
                      {"entity", rows[0].Text(3)},
                      {"value", value},
                      {"at", at}},
                     std::nullopt);
}

}  // namespace

std::optional<Moment> NextRunOf(const Trigger& when, Moment after, Moment anchor) {
    if (when.kind != Trigger::Kind::kSchedule) return std::nullopt;
    const pg::TimeZone zone(when.time_zone.empty() ? "UTC" : when.time_zone);
    return Schedule::Parse(when.schedule).Next(after, anchor, [&](Moment moment) {
        return zone.OffsetAt(moment);
    });
}

int64_t FirstPosition() {
    const trait::ForceIndexPlans force_index_plans;
    trait::AssignPositions(kMostChanges, false);
    return trait::LastPosition();
}

std::optional<ActiveAutomation> LockActive(int64_t automation) {
    static pg::Statement statement(
        "SELECT id, name, definition, cause_segment_id, position, next_run, anchor, signal_met,"
        " pulse.role_name(runs_as, role_oid), search_path FROM pulse.automation"
        " WHERE id = $1 AND status = 'active' FOR UPDATE SKIP LOCKED",
        {INT8OID});
    const pg::Result rows = statement.Execute({Value::Int8(automation)});
    if (rows.empty()) return std::nullopt;
    const pg::Row row = rows[0];
    return ActiveAutomation{row.Int8(0),       row.Text(1),       ReadAutomation(row.Jsonb(2)),
                            row.Int8OrNull(3), row.Int8OrNull(4), row.TimeOrNull(5),
                            row.Time(6),       row.Bool(7),       row.Text(8),
                            row.Text(9)};
}

bool NoteCause(int64_t automation, const std::string& key, const json& data, std::optional<double> share) {
    static pg::Statement statement(
        "INSERT INTO pulse.automation_trigger (automation_id, key, at, data, share) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (automation_id, key) DO NOTHING",
        {INT8OID, TEXTOID, TIMESTAMPTZOID, JSONBOID, FLOAT8OID});
    return statement
               .Execute({Value::Int8(automation), Value::Text(key), Value::Time(pg::Now()),
                         Value::Jsonb(data), Value::Float8(share)})
               .processed() > 0;
}

void NoteChecked(int64_t id, const std::string&) {
    static pg::Statement checked("UPDATE pulse.automation SET checked_at = $2 WHERE id = $1",
                                 {INT8OID, TIMESTAMPTZOID});
    checked.Execute({Value::Int8(id), Value::Time(pg::WallClock())});
}

bool LookForCause(int64_t id) {
    const std::optional<ActiveAutomation> automation = LockActive(id);
    if (!automation) return false;
    NoteChecked(id, "");
    switch (automation->definition.when.kind) {
        case Trigger::Kind::kSchedule: return CauseFromSchedule(*automation);
        case Trigger::Kind::kMembership: return CauseFromMembers(*automation);
        case Trigger::Kind::kSignal: return CauseFromSignal(*automation);
        case Trigger::Kind::kIncident: break;
    }
    return false;
}

std::vector<int64_t> AutomationsToCheck() {
    static pg::Statement statement(
        "SELECT id FROM pulse.automation WHERE status = 'active' AND (cause IN ('membership', 'signal')"
        " OR cause = 'schedule' AND next_run <= $1) ORDER BY id",
        {TIMESTAMPTZOID});
    const pg::Result rows = statement.Execute({Value::Time(pg::Now())});
    std::vector<int64_t> ids;
    for (uint64_t i = 0; i < rows.size(); ++i) ids.push_back(rows[i].Int8(0));
    return ids;
}

std::optional<Moment> NextCauseDue() {
    static pg::Statement statement(
        "SELECT min(next_run), min(checked_at) FILTER (WHERE cause IN ('membership', 'signal')),"
        " (SELECT min(coalesce(t.retry_at, t.at)) FROM pulse.automation_trigger AS t WHERE t.status = 'waiting')"
        " FROM pulse.automation WHERE status = 'active'",
        {});
    const pg::Result rows = statement.Execute({});
    std::optional<Moment> due = rows[0].TimeOrNull(0);
    if (const auto waiting = rows[0].TimeOrNull(2)) due = std::min(due.value_or(INT64_MAX), *waiting);
    if (const auto checked = rows[0].TimeOrNull(1))
        due = std::min(due.value_or(INT64_MAX), *checked + kCheckEvery);
    return due;
}

}  // namespace pulse::trust
