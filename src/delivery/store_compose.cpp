// Messages about incidents, written when they are due: one message reports all incidents that are due
// together, and none that was reported already or is over.
#include <map>
#include <nlohmann/json.hpp>

#include "pulse/delivery/plan.hpp"
#include "pulse/delivery/store.hpp"
#include "pulse/delivery/store_by_index.hpp"
#include "pulse/delivery/store_message_kind.hpp"
#include "pulse/delivery/store_route.hpp"
#include "pulse/pg/background.hpp"

namespace pulse::delivery {

namespace {

using pg::Value;

// Messages folded into one; further ones wait for the next message.
constexpr int64_t kMostFolded = 1000;
// Incidents diagnosed before one of them is sent, as they may have the same cause.
constexpr int64_t kMostDiagnosed = 50;

struct Waiting {
    int64_t id = 0, incident = 0;
    std::string event;
};

// The state of an incident that a channel received last, and whether alarms about it are muted. An escalation
// and a route's message do not wait for each other: if one of them is being sent, the other uses its thread,
// and no alarm repeats its state.
struct Known {
    std::optional<std::string> state, thread, under_way;
    bool muted = false;

    std::string SkipReason(const std::string& event, const IncidentSummary& summary) const {
        if (IsAlarm(event) && event != "escalated" && under_way)
            if (const std::string reason = delivery::SkipReason(event, summary, under_way, muted);
                !reason.empty())
                return reason;
        return delivery::SkipReason(event, summary, state, muted);
    }
};

std::vector<Waiting> ReadWaiting(const pg::Result& rows) {
    std::vector<Waiting> waiting;
    for (uint64_t i = 0; i < rows.size(); ++i)
        waiting.push_back({rows[i].Int8(0), rows[i].Int8(1), rows[i].Text(2)});
    return waiting;
}

// Due messages with the same fold key, without those that have to wait for a message being sent.
std::vector<Waiting> PendingWithFoldKey(const Message& message) {
    static pg::Statement statement(
        "SELECT o.id, o.incident_id, o.event FROM pulse.outbox AS o WHERE o.channel = $1 AND o.fold_key = $2"
        " AND o.id <> $3 "
        "AND o.status = 'pending' AND o.payload IS NULL AND o.kind = $4 AND o.send_at <= clock_timestamp() "
        "AND o.incident_id IS NOT NULL "
        "AND NOT EXISTS (SELECT FROM pulse.outbox AS e WHERE e.channel = o.channel"
        " AND e.order_key = o.order_key AND e.id < o.id "
        "AND e.status IN ('pending', 'sending') AND (e.payload IS NOT NULL OR e.folded_into IS NOT NULL)) "
        "ORDER BY o.id LIMIT $5 FOR UPDATE OF o SKIP LOCKED",
        {TEXTOID, TEXTOID, INT8OID, TEXTOID, INT8OID});
    const ByIndex by_index;
    return ReadWaiting(
        statement.Execute({Value::Text(message.channel), Value::Text(message.fold_key),
                           Value::Int8(message.id), Value::Text(message.kind), Value::Int8(kMostFolded)}));
}

// Diagnoses incidents that began together before the first of them is sent: only the diagnosis shows which of
// them have the same cause.
void DiagnosePending(const Message& message) {
    static pg::Statement statement(
        "SELECT r.id FROM (SELECT o.incident_id FROM pulse.outbox AS o WHERE o.channel = $1"
        " AND o.status = 'pending' "
        "AND NOT o.waits AND o.kind = 'incident' AND o.payload IS NULL AND o.fold_key IS NULL"
        " AND o.route_id IS NOT DISTINCT FROM $2 "
        "AND o.send_at <= clock_timestamp() + interval '1 minute' ORDER BY o.send_at, o.id LIMIT 200) AS n "
        "JOIN pulse.incident_record AS r ON r.id = n.incident_id WHERE r.diagnosis IS NULL"
        " AND r.status IN ('open', "
        "'acknowledged') LIMIT $3",
        {TEXTOID, INT8OID, INT8OID});
    std::vector<int64_t> incidents;
    const pg::Result rows = [&] {
        const ByIndex by_index;
        return statement.Execute(
            {Value::Text(message.channel), Value::Int8(message.route), Value::Int8(kMostDiagnosed)});
    }();
    for (uint64_t i = 0; i < rows.size(); ++i) incidents.push_back(rows[i].Int8(0));
    if (!incidents.empty()) LoadIncidentSummaries(incidents);
}

// Alarms about incidents with the same cause, and further alarms about this incident.
std::vector<Waiting> PendingInGroup(const Message& message) {
    static pg::Statement statement(
        "SELECT o.id, o.incident_id, o.event FROM pulse.incident_record AS me"
        " JOIN pulse.incident_record AS r "
        "ON r.id = me.id OR r.group_id = coalesce(me.group_id, me.id)"
        " AND r.status IN ('open', 'acknowledged') "
        "JOIN pulse.outbox AS o ON o.channel = $1 AND o.order_key = $2 || r.id AND o.status = 'pending' "
        "WHERE me.id = $3 AND o.id <> $4 AND o.payload IS NULL AND o.kind = $5 "
        "AND o.route_id IS NOT DISTINCT FROM $6 AND o.fold_key IS NULL"
        " AND o.event IN ('opened', 'reopened', 'worsened', "
        "'escalated') AND (o.kind = 'incident' OR o.send_at <= clock_timestamp()) "
        "AND NOT EXISTS (SELECT FROM pulse.outbox AS e WHERE e.channel = o.channel"
        " AND e.order_key = o.order_key AND e.id < o.id "
        "AND e.status IN ('pending', 'sending') AND (e.payload IS NOT NULL OR e.folded_into IS NOT NULL)) "
        "ORDER BY o.id LIMIT $7 FOR UPDATE OF o SKIP LOCKED",
        {TEXTOID, TEXTOID, INT8OID, INT8OID, TEXTOID, INT8OID, INT8OID});
    const ByIndex by_index;
    return ReadWaiting(
        statement.Execute({Value::Text(message.channel),
                           Value::Text(message.kind == "escalation" ? "escalation:" : "incident:"),
                           Value::Int8(message.incident), Value::Int8(message.id), Value::Text(message.kind),
                           Value::Int8(message.route), Value::Int8(kMostFolded)}));
}

std::map<int64_t, Known> LoadKnown(const std::string& channel, const std::vector<int64_t>& incidents) {
    static pg::Statement statement(
        "SELECT r.id, t.state, coalesce(t.thread, u.thread), u.state, EXISTS (SELECT FROM pulse.mute AS x"
        " WHERE x.since <= clock_timestamp() "
        "AND coalesce(x.until, 'infinity') > clock_timestamp() AND (x.kind = 'everything'"
        " OR x.kind = 'segment' AND x.name = s.name "
        "OR x.kind = 'table' AND x.name = r.relation OR x.kind = 'event' AND x.name = r.event OR x.kind = 'source'"
        " AND (x.name = r.source OR s.definition -> 'source' ? x.name))) "
        "FROM pulse.incident_record AS r LEFT JOIN pulse.segment AS s ON s.id = r.segment_id "
        "LEFT JOIN pulse.told AS t ON t.incident_id = r.id AND t.channel = $1 LEFT JOIN LATERAL ("
        "SELECT (array_agg(o.thread ORDER BY o.id))[1] AS thread, (array_agg(o.state"
        " ORDER BY o.id DESC))[1] AS state "
        "FROM pulse.outbox AS o WHERE o.incident_id = r.id AND o.channel = $1"
        " AND o.kind IN ('incident', 'escalation') "
        "AND o.status IN ('pending', 'sending') AND o.state IS NOT NULL) AS u ON true WHERE r.id = ANY ($2)",
        {TEXTOID, INT8ARRAYOID});
    // Not read-only: it must see the rows of pulse.told that this transaction wrote for the previous message.
    const pg::Result rows = statement.Execute({Value::Text(channel), Value::Int8s(incidents)});
    std::map<int64_t, Known> known;
    for (uint64_t i = 0; i < rows.size(); ++i)
        known[rows[i].Int8(0)] = {rows[i].TextOrNull(1), rows[i].TextOrNull(2), rows[i].TextOrNull(3),
                                  rows[i].Bool(4)};
    return known;
}

void CancelMessage(int64_t id, const std::string& reason) {
    static pg::Statement statement(
        "UPDATE pulse.outbox SET status = 'cancelled', error = $2, finished_at = clock_timestamp(), waits ="
        " false WHERE id = $1 "
        "RETURNING id",
        {INT8OID, TEXTOID});
    ReleaseAfter(statement.Execute({Value::Int8(id), Value::Text(reason)}));
}

void Fold(const Waiting& child, int64_t parent, const std::string& state, const std::string& thread) {
    static pg::Statement statement(
        "UPDATE pulse.outbox SET status = 'sending', folded_into = $2, state = $3, thread = $4, waits ="
        " false WHERE id = $1",
        {INT8OID, INT8OID, TEXTOID, TEXTOID});
    statement.Execute({Value::Int8(child.id), Value::Int8(parent), Value::Text(state), Value::Text(thread)});
}

// Also gives an escalation the order key of its incident: later messages about the incident wait for it.
void SavePayload(const Message& message) {
    static pg::Statement statement(
        "UPDATE pulse.outbox SET payload = $2, state = $3, thread = $4, event = $5, order_key = $6"
        " WHERE id = $1",
        {INT8OID, JSONBOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID});
    statement.Execute({Value::Int8(message.id), Value::Jsonb(message.payload), Value::Text(message.state),
                       Value::Text(message.thread), Value::Text(message.event),
                       Value::Text(message.order_key)});
}

std::string RouteName(const std::optional<int64_t>& route) {
    static pg::Statement statement("SELECT name FROM pulse.route WHERE id = $1", {INT8OID});
    if (!route) return "";
    const pg::Result rows = statement.Execute({Value::Int8(*route)}, true);
    return rows.empty() ? "" : rows[0].Text(0);
}

// None for PagerDuty, which keeps a separate incident for each of ours and closes it separately.
std::vector<Waiting> PendingToFold(const Message& message, const Channel& channel) {
    if (channel.kind == ChannelKind::kPagerduty) return {};
    if (!message.fold_key.empty()) return PendingWithFoldKey(message);
    if (!IsAlarm(message.event) && message.kind != "escalation") return {};
    DiagnosePending(message);
    return PendingInGroup(message);
}

// Decides for each incident whether the other messages have something to report: folds them into `message`,
// or cancels them.
void FoldPending(const Message& message, const std::vector<Waiting>& others,
                 std::vector<IncidentSummary>& summaries) {
    std::map<int64_t, std::vector<Waiting>> by_incident;
    std::vector<int64_t> incidents;
    for (const Waiting& each : others)
        if (by_incident[each.incident].empty() || by_incident[each.incident].back().id != each.id)
            by_incident[each.incident].push_back(each);
    for (const auto& [incident, rows] : by_incident) incidents.push_back(incident);
    if (incidents.empty()) return;
    const std::map<int64_t, Known> known = LoadKnown(message.channel, incidents);
    std::map<int64_t, IncidentSummary> now;
    for (IncidentSummary& summary : LoadIncidentSummaries(incidents))
        now.emplace(summary.incident, std::move(summary));
    for (const auto& [incident, rows] : by_incident) {
        pg::CheckInterrupts();
        const auto summary = now.find(incident);
        const auto about = known.find(incident);
        const Known what = about == known.end() ? Known() : about->second;
        bool notified = incident == message.incident;  // by the message itself
        for (const Waiting& row : rows)
            notified =
                notified || (summary != now.end() && what.SkipReason(row.event, summary->second).empty());
        for (const Waiting& row : rows) {
            if (!notified)
                CancelMessage(row.id, summary == now.end() ? "the incident no longer exists"
                                                           : what.SkipReason(row.event, summary->second));
            else
                Fold(row, message.id, summary == now.end() ? message.state : summary->second.State(),
                     what.thread.value_or(message.key));
        }
        if (notified && incident != message.incident) summaries.push_back(summary->second);
    }
}

std::optional<std::string> ComposeIncident(Message& message, const Channel& channel) {
    const auto nothing = [&](const std::string& reason) {
        CancelMessage(message.id, reason);
        return reason;
    };
    if (!message.incident) return nothing("the message has no incident");
    std::vector<IncidentSummary> summaries = LoadIncidentSummaries({*message.incident});
    if (summaries.empty()) return nothing("the incident no longer exists");
    const Known known = LoadKnown(message.channel, {*message.incident})[*message.incident];
    if (const std::string reason = known.SkipReason(message.event, summaries[0]); !reason.empty())
        return nothing(reason);
    message.state = summaries[0].State();
    FoldPending(message, PendingToFold(message, channel), summaries);
    const bool several = summaries.size() > 1;
    message.thread = known.thread.value_or(message.key);
    if (several) message.event = "digest";
    if (message.kind == "escalation") message.order_key = "incident:" + std::to_string(*message.incident);
    const Envelope envelope{message.key,        several ? message.key : message.thread,
                            message.event,      RouteName(message.route),
                            message.created_at, several && message.fold_key.ends_with(":digest")};
    message.payload = MakePayload(channel, envelope, summaries);
    SavePayload(message);
    return std::nullopt;
}

// Records the state of each incident that each channel has received. An incident may have been deleted
// meanwhile.
void KeepNotified(const std::vector<int64_t>& ended) {
    static pg::Statement statement(
        "WITH said AS (SELECT DISTINCT ON (o.incident_id, o.channel) o.incident_id, o.channel, o.state,"
        " o.finished_at,"
        " coalesce(o.thread, p.thread, p.key, o.key) AS thread FROM pulse.outbox AS o"
        " LEFT JOIN pulse.outbox AS p ON p.id = o.folded_into WHERE o.id = ANY ($1) AND o.status = 'sent'"
        " AND o.kind IN ('incident', 'escalation') AND o.incident_id IS NOT NULL AND o.state IS NOT NULL"
        " ORDER BY o.incident_id, o.channel, o.id DESC),"
        " live AS MATERIALIZED (SELECT i.id FROM pulse.incident_record AS i"
        " WHERE i.id IN (SELECT incident_id FROM said)"
        " FOR KEY SHARE)"
        " INSERT INTO pulse.told (incident_id, channel, state, thread, told_at)"
        " SELECT said.incident_id, said.channel, said.state, said.thread, said.finished_at FROM said"
        " JOIN live ON live.id = said.incident_id"
        " ON CONFLICT (incident_id, channel) DO UPDATE SET state = excluded.state, thread = excluded.thread,"
        " told_at = excluded.told_at",
        {INT8ARRAYOID});
    statement.Execute({Value::Int8s(ended)});
}

[[maybe_unused]] const bool registered = RegisterMessageKind({"incident", ComposeIncident, KeepNotified}) &&
                                         RegisterMessageKind({"escalation", ComposeIncident, KeepNotified});

}  // namespace

}  // namespace pulse::delivery
