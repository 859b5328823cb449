// Turns notices into messages: many notices in one transaction.
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "pulse/delivery/plan.hpp"
#include "pulse/delivery/store.hpp"
#include "pulse/delivery/store_by_index.hpp"
#include "pulse/delivery/store_route.hpp"
#include "pulse/diagnosis/store_investigation.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/jsonb.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/subtransaction.hpp"

namespace pulse::delivery {

namespace {

using pg::Value;

Notice ReadNotice(const pg::Row& row) {
    Notice notice;
    notice.event = row.Text(0);
    notice.at = row.Time(2);
    notice.snapshot = row.Int8OrNull(4);
    if (notice.snapshot) return notice;
    IncidentEvent& incident_event = notice.incident_event;
    incident_event.incident = row.Int8(3);
    incident_event.event = row.Text(1);
    incident_event.severity = row.Text(5);
    incident_event.worst = row.Text(6);
    incident_event.segment = row.TextOrNull(7).value_or("");
    incident_event.table = row.TextOrNull(8).value_or("");
    incident_event.owner = row.TextOrNull(9).value_or("");
    incident_event.tags = row.Texts(10);
    incident_event.detector = row.Text(11);
    incident_event.subject = row.Text(12);
    incident_event.noted_at = row.Time(13);
    notice.actor = row.TextOrNull(14);
    notice.note = row.TextOrNull(15);
    notice.observed = row.Float8OrNull(16);
    notice.change = row.Float8OrNull(17);
    return notice;
}

std::vector<int64_t> LockNotices(int64_t limit) {
    static pg::Statement statement(
        "SELECT n.id FROM pulse.notice AS n ORDER BY n.id LIMIT $1 FOR UPDATE SKIP LOCKED", {INT8OID});
    const pg::Result rows = statement.Execute({Value::Int8(limit)});
    std::vector<int64_t> ids;
    for (uint64_t i = 0; i < rows.size(); ++i) ids.push_back(rows[i].Int8(0));
    return ids;
}

// Deletes notices and returns them, without those that are too old or whose incident or snapshot no longer
// exists.
std::vector<Notice> TakeNotices(const std::vector<int64_t>& ids, Moment oldest) {
    static pg::Statement statement(
        "WITH taken AS (DELETE FROM pulse.notice WHERE id = ANY ($1) RETURNING *) "
        "SELECT n.event, n.kind, n.at, n.incident_id, n.snapshot_id, coalesce(e.severity, r.severity), "
        "coalesce((ARRAY['low', 'medium', 'high', 'critical'])[(SELECT max(array_position(ARRAY['low',"
        " 'medium', 'high', "
        "'critical'], w.severity)) FROM pulse.incident_event AS w WHERE w.incident_id = n.incident_id "
        "AND w.id <= n.incident_event_id)], r.severity), s.name, r.relation, coalesce(s.owner, m.owner), "
        "coalesce(s.tags, m.tags, '{}'), r.detector, coalesce('segment:' || r.segment_id, 'monitor:' || "
        "r.monitor_id, 'event:' || r.event), "
        "n.created_at, e.actor, e.note, e.observed, e.change, n.at >= $2 AND (r.id IS NOT NULL"
        " OR n.snapshot_id IS NOT NULL) "
        "FROM taken AS n LEFT JOIN pulse.incident_record AS r ON r.id = n.incident_id "
        "LEFT JOIN pulse.incident_event AS e ON e.id = n.incident_event_id "
        "LEFT JOIN pulse.segment AS s ON s.id = r.segment_id LEFT"
        " JOIN pulse.monitor AS m ON m.id = r.monitor_id ORDER BY n.id",
        {INT8ARRAYOID, TIMESTAMPTZOID});
    const pg::Result rows = statement.Execute({Value::Int8s(ids), Value::Time(oldest)});
    std::vector<Notice> notices;
    for (uint64_t i = 0; i < rows.size(); ++i)
        if (rows[i].Bool(18)) notices.push_back(ReadNotice(rows[i]));
    return notices;
}

// Loads when alarms about these subjects were, or will be, sent; cancelled and dead ones do not count. Not
// read-only: it must see messages that this transaction has cancelled.
void RememberAlarms(Planner& planner, const std::vector<std::string>& subjects) {
    static pg::Statement statement(
        "SELECT c.route_id, c.channel, c.subject, CASE WHEN o.status IN ('cancelled', 'dead') THEN"
        " c.before_at "
        "WHEN o.status = 'sent' THEN o.finished_at ELSE coalesce(o.send_at, c.last_at) END "
        "FROM pulse.cool_down AS c LEFT JOIN pulse.outbox AS o ON o.id = c.message_id"
        " WHERE c.subject = ANY ($1)",
        {TEXTARRAYOID});
    const pg::Result rows = statement.Execute({Value::Texts(subjects)});
    for (uint64_t i = 0; i < rows.size(); ++i)
        if (const auto last = rows[i].TimeOrNull(3))
            planner.Remember(rows[i].Int8(0), rows[i].Text(1), rows[i].Text(2), *last);
}

void RememberEscalations(Planner& planner, const std::vector<int64_t>& incidents) {
    static pg::Statement statement(
        "SELECT route_id, incident_id FROM pulse.outbox WHERE incident_id = ANY ($1) AND kind = 'escalation' "
        "AND route_id IS NOT NULL AND status IN ('pending', 'sending', 'sent')",
        {INT8ARRAYOID});
    const ByIndex by_index;
    const pg::Result rows = statement.Execute({Value::Int8s(incidents)});
    for (uint64_t i = 0; i < rows.size(); ++i) planner.RememberEscalation(rows[i].Int8(0), rows[i].Int8(1));
}

std::vector<int64_t> NewIds(size_t count) {
    const pg::Result rows = pg::Execute(
        "SELECT coalesce(array_agg(nextval('pulse.outbox_id_seq')), '{}') FROM generate_series(1, $1)",
        {Value::Int8(static_cast<int64_t>(count))});
    return rows[0].Int8s(0);
}

void InsertDrafts(const std::vector<Draft>& drafts, const std::vector<int64_t>& ids) {
    static pg::Statement statement(
        "INSERT INTO pulse.outbox (id, channel, kind, event, incident_id, route_id, order_key, fold_key,"
        " send_at) "
        "SELECT d.id, d.channel, d.kind, d.event, d.incident, nullif(d.route, 0), d.order_key,"
        " nullif(d.fold_key, ''), "
        "timestamptz '2000-01-01 00:00+00' + d.send_at * interval '1 microsecond' "
        "FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9) AS d (id, channel, kind, event, incident, route,"
        " order_key, fold_key, "
        "send_at)",
        {INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT8ARRAYOID, INT8ARRAYOID, TEXTARRAYOID,
         TEXTARRAYOID, INT8ARRAYOID});
    // An urgent message makes earlier pending messages of its channel and incident due at the same time: the
    // first of them then reports everything.
    static pg::Statement hasten(
        "UPDATE pulse.outbox AS o SET send_at = n.send_at, fold_key = NULL FROM pulse.outbox AS n"
        " WHERE n.id = ANY ($1) "
        "AND o.channel = n.channel AND o.order_key = n.order_key AND o.id < n.id AND o.status = 'pending'"
        " AND o.payload IS NULL "
        "AND o.send_at > n.send_at",
        {INT8ARRAYOID});
    std::vector<std::string> channels, kinds, events, order_keys, fold_keys;
    std::vector<int64_t> incidents, routes, times, urgent;
    for (size_t i = 0; i < drafts.size(); ++i) {
        const Draft& draft = drafts[i];
        channels.push_back(draft.channel);
        kinds.push_back(draft.kind);
        events.push_back(draft.event);
        incidents.push_back(draft.incident);
        routes.push_back(draft.route.value_or(0));
        order_keys.push_back(draft.order_key);
        fold_keys.push_back(draft.fold_key);
        times.push_back(draft.send_at);
        if (draft.urgent) urgent.push_back(ids[i]);
    }
    statement.Execute({Value::Int8s(ids), Value::Texts(channels), Value::Texts(kinds), Value::Texts(events),
                       Value::Int8s(incidents), Value::Int8s(routes), Value::Texts(order_keys),
                       Value::Texts(fold_keys), Value::Int8s(times)});
    if (urgent.empty()) return;
    const ByIndex by_index;
    hasten.Execute({Value::Int8s(urgent)});
}

// Starts the cool-downs of the planned alarms.
void SaveAlarms(const std::vector<Draft>& drafts, const std::vector<int64_t>& ids) {
    static pg::Statement statement(
        "INSERT INTO pulse.cool_down AS c (subject, route_id, channel, message_id, last_at)"
        " VALUES ($1, $2, $3, $4, $5) "
        "ON CONFLICT (subject, route_id, channel) DO UPDATE SET before_at = (SELECT CASE"
        " WHEN o.status IN ('cancelled', 'dead') "
        "THEN c.before_at WHEN o.status = 'sent' THEN o.finished_at ELSE coalesce(o.send_at, c.last_at) END "
        "FROM (SELECT) AS one LEFT JOIN pulse.outbox AS o ON o.id = c.message_id), message_id ="
        " excluded.message_id, "
        "last_at = excluded.last_at",
        {TEXTOID, INT8OID, TEXTOID, INT8OID, TIMESTAMPTZOID});
    for (size_t i = 0; i < drafts.size(); ++i)
        if (!drafts[i].cool_down_subject.empty())
            statement.Execute({Value::Text(drafts[i].cool_down_subject), Value::Int8(drafts[i].route),
                               Value::Text(drafts[i].channel), Value::Int8(ids[i]),
                               Value::Time(drafts[i].send_at)});
}

void PlanRoutes(const std::vector<Notice>& notices, Moment now) {
    std::vector<int64_t> incidents;
    std::vector<std::string> subjects;
    for (const Notice& notice : notices) {
        if (notice.snapshot) continue;
        incidents.push_back(notice.incident_event.incident);
        subjects.push_back(notice.incident_event.subject);
    }
    if (incidents.empty()) return;
    Planner planner(LoadRoutes(), Followers(), now);
    RememberAlarms(planner, subjects);
    RememberEscalations(planner, incidents);
    for (const Notice& notice : notices)
        if (!notice.snapshot) planner.Take(notice.incident_event);
    if (planner.drafts().empty()) return;
    const std::vector<int64_t> ids = NewIds(planner.drafts().size());
    InsertDrafts(planner.drafts(), ids);
    SaveAlarms(planner.drafts(), ids);
}

// Cancels escalations of incidents that have been acknowledged or closed.
void CancelEscalations(const std::vector<Notice>& notices) {
    static pg::Statement statement(
        "UPDATE pulse.outbox AS o SET status = 'cancelled', error = 'the incident is ' || r.status,"
        " finished_at = clock_timestamp(), "
        "waits = false FROM pulse.incident_record AS r WHERE r.id = ANY ($1) AND o.incident_id = r.id"
        " AND r.status <> 'open' "
        "AND o.kind = 'escalation' AND o.status = 'pending' AND o.payload IS NULL RETURNING o.id",
        {INT8ARRAYOID});
    std::vector<int64_t> incidents;
    for (const Notice& notice : notices)
        if (notice.incident_event.event == "acknowledged" || IsClosing(notice.incident_event.event))
            incidents.push_back(notice.incident_event.incident);
    if (incidents.empty()) return;
    const ByIndex by_index;
    ReleaseAfter(statement.Execute({Value::Int8s(incidents)}));
}

std::set<std::string> InvestigatedSeverities() {
    std::string text = pg::settings::AgentSeverities();
    for (char& c : text)
        if (c == ',') c = ' ';
    std::istringstream words(text);
    std::set<std::string> severities;
    for (std::string word; words >> word;) severities.insert(word);
    return severities;
}

// An incident that was mild at first is investigated when it worsens, unless there is an investigation
// already.
void QueueInvestigations(const std::vector<Notice>& notices) {
    static pg::Statement known("SELECT FROM pulse.investigation WHERE incident_id = $1 LIMIT 1", {INT8OID});
    const std::set<std::string> severities = InvestigatedSeverities();
    if (severities.empty()) return;
    for (const Notice& notice : notices) {
        const IncidentEvent& incident_event = notice.incident_event;
        if (!IsAlarm(incident_event.event) || !severities.contains(incident_event.severity)) continue;
        // The tools of the agent read segments and tables.
        if (incident_event.Family() == std::string_view("event")) continue;
        if (incident_event.event == "worsened" &&
            !known.Execute({Value::Int8(incident_event.incident)}).empty())
            continue;
        diagnosis::QueueInvestigation(incident_event.incident, "pulse");
    }
}

void Plan(const std::vector<int64_t>& ids, Moment now) {
    const std::vector<Notice> notices = TakeNotices(ids, now - pg::settings::notify_within * kMinute);
    if (notices.empty()) return;
    CancelEscalations(notices);
    PlanRoutes(notices, now);
    InsertEvents(PlanEvents(notices));
    QueueInvestigations(notices);
}

// Whether an error is unrelated to the notices: a cancelled query, a lock, a full disk, a shutdown.
bool IsServerCondition(const pg::Error& error) {
    const std::string state = error.State(), kind = state.substr(0, 2);
    return pg::MeantForAll(error) || state == sqlstate::kLockNotAvailable || kind == "40" || kind == "53" ||
           kind == "57" || kind == "58";
}

// Plans these notices. Returns why they cannot be planned, if so, and then leaves them unchanged.
std::optional<std::string> PlanError(const std::vector<int64_t>& ids, Moment now) {
    try {
        pg::Subtransaction subtransaction;
        {
            const pg::Session session;
            Plan(ids, now);
        }
        subtransaction.Commit();
        return std::nullopt;
    } catch (const pg::Error& error) {
        if (IsServerCondition(error)) throw;
        return error.message;
    } catch (const UserError& error) {
        return error.message() + (error.detail().empty() ? "" : ": " + error.detail());
    } catch (const std::exception& error) {
        return error.what();
    }
}

}  // namespace

void InsertEvents(const std::vector<EventMessage>& messages) {
    static pg::Statement statement(
        "INSERT INTO pulse.outbox (id, key, channel, kind, event, incident_id, order_key, payload) "
        "SELECT m.id, coalesce(nullif(m.key, ''), 'msg_' || replace(gen_random_uuid()::text, '-', '')),"
        " m.channel, 'event', m.event, "
        "nullif(m.incident, 0), m.order_key, m.payload "
        "FROM unnest($1, $2, $3, $4, $5, $6, $7) AS m (id, key, channel, event, incident, order_key,"
        " payload)",
        {INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT8ARRAYOID, TEXTARRAYOID, JSONBARRAYOID});
    if (messages.empty()) return;
    std::vector<std::string> keys, channels, events, order_keys;
    std::vector<int64_t> incidents;
    std::vector<Datum> payloads;
    for (const EventMessage& message : messages) {
        pg::CheckInterrupts();
        keys.push_back(message.key);
        channels.push_back(message.channel);
        events.push_back(message.event);
        incidents.push_back(message.incident.value_or(0));
        order_keys.push_back(message.order_key);
        payloads.push_back(pg::FromJson(message.payload));
    }
    statement.Execute({Value::Int8s(NewIds(messages.size())), Value::Texts(keys), Value::Texts(channels),
                       Value::Texts(events), Value::Int8s(incidents), Value::Texts(order_keys),
                       pg::JsonbArray(payloads)});
}

int64_t PlanNotices(int64_t limit) {
    const Moment now = pg::WallClock();
    const std::vector<int64_t> ids = LockNotices(limit);
    if (ids.empty() || !PlanError(ids, now)) return static_cast<int64_t>(ids.size());
    // All notices need these: if they fail, the notices are not the cause.
    LoadRoutes();
    Followers();
    for (const int64_t id : ids) {
        pg::CheckInterrupts();
        const std::optional<std::string> reason = PlanError({id}, now);
        if (!reason) continue;
        pg::Warning("could not plan messages for notice " + std::to_string(id) + ", which is skipped",
                    *reason + ".");
        pg::Execute("DELETE FROM pulse.notice WHERE id = $1", {Value::Int8(id)});
    }
    return static_cast<int64_t>(ids.size());
}

}  // namespace pulse::delivery
