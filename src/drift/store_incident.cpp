#include "pulse/drift/listener.hpp"
#include "pulse/drift/store.hpp"

namespace pulse::drift {

namespace {

using pg::Row;
using pg::Value;

Json DetailsOf(const Finding& finding) {
    return finding.details.is_null() ? Json::object() : finding.details;
}

// Columns: segment, id, detector, attribute, severity, status, observed, change, since, opened_at,
// last_seen_at, closed_at, ignored_until, by itself, new_normal, normal_count, baseline_snapshot, snapshot,
// settled, steady_count, worst_change, baseline.
Incident ReadIncident(const Row& row) {
    Incident incident;
    incident.id = row.Int8(1);
    incident.finding.fingerprint = {row.Text(2), row.Text(3)};
    incident.finding.severity = ParseSeverity(row.Text(4));
    incident.status = ParseIncidentStatus(row.Text(5)).value_or(IncidentStatus::kOpen);
    incident.finding.observed = row.Float8OrNull(6);
    incident.finding.change = row.Float8OrNull(7).value_or(0);
    incident.since = row.Time(8);
    incident.opened_at = row.Time(9);
    incident.last_seen_at = row.Time(10);
    incident.closed_at = row.TimeOrNull(11);
    incident.ignored_until = row.TimeOrNull(12);
    incident.closed_by_itself = row.Bool(13);
    incident.new_normal = row.Bool(14);
    incident.normal_count = row.Int4(15);
    incident.finding.baseline_snapshot = row.Int8OrNull(16);
    incident.snapshot = row.Int8OrNull(17).value_or(0);
    incident.settled = row.Bool(18);
    incident.steady_count = row.Int4(19);
    incident.worst_change = row.Float8(20);
    incident.finding.baseline = row.Float8OrNull(21);
    return incident;
}

std::optional<std::string> ResolvedBy(const Incident& incident) {
    return incident.closed_by_itself ? std::optional<std::string>("pulse") : std::nullopt;
}

std::optional<int64_t> SnapshotOf(const Incident& incident) {
    return incident.snapshot ? std::optional(incident.snapshot) : std::nullopt;  // tables have none
}

void Insert(const IncidentSubject& subject, Incident& incident, std::optional<int64_t> group, Moment now) {
    static pg::Statement statement(
        "WITH n AS (SELECT nextval('pulse.incident_record_id_seq') AS id)"
        " INSERT INTO pulse.incident_record (id, group_id, segment_id, detector, attribute, severity, "
        "status, direction,"
        " baseline, observed, change, threshold, p_value, baseline_kind, summary, details, since, opened_at, "
        "last_seen_at,"
        " closed_at, normal_count, baseline_snapshot, snapshot, resolved_by, detected_at, monitor_id, "
        "relation, source, event)"
        " SELECT n.id, coalesce($1, n.id), $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, "
        "$16, $17, $18,"
        " $19, $20, $21, $22, $23, $24, $25, $26, $27, $28 FROM n RETURNING id",
        {INT8OID,   INT8OID,        TEXTOID,        TEXTOID,        TEXTOID,        TEXTOID, TEXTOID,
         FLOAT8OID, FLOAT8OID,      FLOAT8OID,      FLOAT8OID,      FLOAT8OID,      TEXTOID, TEXTOID,
         JSONBOID,  TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT4OID, INT8OID,
         INT8OID,   TEXTOID,        TIMESTAMPTZOID, INT8OID,        TEXTOID,        TEXTOID, TEXTOID});
    const Finding& f = incident.finding;
    const pg::Result rows = statement.Execute({Value::Int8(group),
                                               Value::Int8(subject.segment),
                                               Value::Text(f.fingerprint.detector),
                                               Value::Text(f.fingerprint.attribute),
                                               Value::Text(Name(f.severity)),
                                               Value::Text(Name(incident.status)),
                                               Value::Text(Name(f.direction)),
                                               Value::Float8(f.baseline),
                                               Value::Float8(f.observed),
                                               Value::Float8(f.change),
                                               Value::Float8(f.threshold),
                                               Value::Float8(f.p_value),
                                               Value::Text(Name(f.baseline_kind)),
                                               Value::Text(f.summary),
                                               Value::Jsonb(DetailsOf(f)),
                                               Value::Time(incident.since),
                                               Value::Time(incident.opened_at),
                                               Value::Time(incident.last_seen_at),
                                               Value::Time(incident.closed_at),
                                               Value::Int4(incident.normal_count),
                                               Value::Int8(f.baseline_snapshot),
                                               Value::Int8(SnapshotOf(incident)),
                                               Value::Text(ResolvedBy(incident)),
                                               Value::Time(now),
                                               Value::Int8(subject.monitor),
                                               Value::Text(subject.relation),
                                               Value::Text(subject.source),
                                               Value::Text(subject.event)});
    incident.id = rows[0].Int8(0);
}

// New figures: what the newest snapshot shows.
void UpdateFigures(const Incident& incident) {
    static pg::Statement statement(
        "UPDATE pulse.incident_record SET severity = $2, direction = $3, baseline = $4, observed = $5, "
        "change = $6,"
        " threshold = $7, p_value = $8, baseline_kind = $9, summary = $10, details = $11, last_seen_at = $12,"
        " snapshot = $13 WHERE id = $1",
        {INT8OID, TEXTOID, TEXTOID, FLOAT8OID, FLOAT8OID, FLOAT8OID, FLOAT8OID, FLOAT8OID, TEXTOID, TEXTOID,
         JSONBOID, TIMESTAMPTZOID, INT8OID});
    const Finding& f = incident.finding;
    statement.Execute({Value::Int8(incident.id), Value::Text(Name(f.severity)),
                       Value::Text(Name(f.direction)), Value::Float8(f.baseline), Value::Float8(f.observed),
                       Value::Float8(f.change), Value::Float8(f.threshold), Value::Float8(f.p_value),
                       Value::Text(Name(f.baseline_kind)), Value::Text(f.summary), Value::Jsonb(DetailsOf(f)),
                       Value::Time(incident.last_seen_at), Value::Int8(SnapshotOf(incident))});
}

// The columns of its status.
void UpdateState(const Incident& incident) {
    static pg::Statement statement(
        "UPDATE pulse.incident_record SET status = $2, closed_at = $3, ignored_until = $4, normal_count = $5,"
        " new_normal = $6, settled = $8, steady_count = $9, worst_change = $10, resolved_by = CASE WHEN $2 <> 'resolved' THEN NULL ELSE coalesce($7, resolved_by) "
        "END"
        " WHERE id = $1",
        {INT8OID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT4OID, BOOLOID, TEXTOID, BOOLOID, INT4OID,
         FLOAT8OID});
    statement.Execute({Value::Int8(incident.id), Value::Text(Name(incident.status)),
                       Value::Time(incident.closed_at), Value::Time(incident.ignored_until),
                       Value::Int4(incident.normal_count), Value::Bool(incident.new_normal),
                       Value::Text(ResolvedBy(incident)), Value::Bool(incident.settled),
                       Value::Int4(incident.steady_count), Value::Float8(incident.worst_change)});
}

void WriteEvents(Incident& incident) {
    static pg::Statement statement(
        "INSERT INTO pulse.incident_event (incident_id, at, kind, actor, severity, observed, change, note)"
        " VALUES ($1, $2, $3, 'pulse', $4, $5, $6, $7) RETURNING id",
        {INT8OID, TIMESTAMPTZOID, TEXTOID, TEXTOID, FLOAT8OID, FLOAT8OID, TEXTOID});
    for (const IncidentEvent& event : incident.events) {
        const pg::Result rows =
            statement.Execute({Value::Int8(incident.id), Value::Time(event.at), Value::Text(event.kind),
                               Value::Text(Name(event.severity)), Value::Float8(event.observed),
                               Value::Float8(event.change), Value::Text(event.note)});
        Announce(incident.id, rows[0].Int8(0), event.kind, event.at);
    }
    incident.events.clear();
}

}  // namespace

std::vector<IncidentTracker> ReadIncidentTrackers(const std::vector<CheckedSegment>& segments, Moment oldest,
                                                  Moment now, const Thresholds& thresholds) {
    static pg::Statement statement(
        "SELECT segment_id, id, detector, attribute, severity, status, observed, change, since, opened_at, "
        "last_seen_at,"
        " closed_at, ignored_until, coalesce(resolved_by = 'pulse', false), new_normal, normal_count, "
        "baseline_snapshot,"
        " snapshot, settled, steady_count, coalesce(worst_change, abs(change), 0), baseline FROM pulse.incident_record WHERE segment_id = ANY ($1) AND (status <> 'resolved' OR "
        "last_seen_at >= $2"
        " OR closed_at >= $3 OR (normal_count = 0 AND resolved_by IS DISTINCT FROM 'pulse'))"
        " ORDER BY segment_id, opened_at, id",
        {INT8ARRAYOID, TIMESTAMPTZOID, TIMESTAMPTZOID});
    std::vector<int64_t> ids;
    std::unordered_map<int64_t, size_t> places;
    for (const CheckedSegment& segment : segments) {
        places[segment.id] = ids.size();
        ids.push_back(segment.id);
    }
    std::vector<std::vector<Incident>> incidents(segments.size());
    const pg::Result rows = statement.Execute(
        {Value::Int8s(ids), Value::Time(oldest), Value::Time(now - thresholds.reopen_within)});
    for (uint64_t i = 0; i < rows.size(); ++i)
        incidents[places.at(rows[i].Int8(0))].push_back(ReadIncident(rows[i]));
    std::vector<IncidentTracker> trackers;
    for (auto& list : incidents) trackers.emplace_back(std::move(list));
    return trackers;
}

IncidentTracker ReadMonitorIncidents(int64_t monitor, Moment now, const Thresholds& thresholds) {
    static pg::Statement statement(
        "SELECT monitor_id, id, detector, attribute, severity, status, observed, change, since, opened_at, "
        "last_seen_at, closed_at, ignored_until, coalesce(resolved_by = 'pulse', false), new_normal, "
        "normal_count, baseline_snapshot, snapshot, settled, steady_count, coalesce(worst_change, abs(change), 0), baseline "
        "FROM pulse.incident_record WHERE monitor_id = $1 "
        "AND (status <> 'resolved' OR closed_at >= $2 OR (normal_count = 0 AND resolved_by IS DISTINCT"
        " FROM 'pulse'))"
        " ORDER BY opened_at, id",
        {INT8OID, TIMESTAMPTZOID});
    std::vector<Incident> incidents;
    const pg::Result rows =
        statement.Execute({Value::Int8(monitor), Value::Time(now - thresholds.reopen_within)});
    for (uint64_t i = 0; i < rows.size(); ++i) incidents.push_back(ReadIncident(rows[i]));
    return IncidentTracker(std::move(incidents), "check");
}

std::map<std::string, IncidentTracker> ReadEventIncidents(Moment oldest, Moment now,
                                                          const Thresholds& thresholds) {
    static pg::Statement statement(
        "SELECT event, id, detector, attribute, severity, status, observed, change, since, opened_at, "
        "last_seen_at, closed_at, ignored_until, coalesce(resolved_by = 'pulse', false), new_normal, "
        "normal_count, baseline_snapshot, snapshot, settled, steady_count, coalesce(worst_change, abs(change), 0), baseline "
        "FROM pulse.incident_record WHERE event IS NOT NULL AND (status <> 'resolved' OR last_seen_at >= $1 "
        "OR closed_at >= $2 OR (normal_count = 0 AND resolved_by IS DISTINCT FROM 'pulse')) "
        "ORDER BY event, opened_at, id FOR NO KEY UPDATE",
        {TIMESTAMPTZOID, TIMESTAMPTZOID});
    std::map<std::string, std::vector<Incident>> incidents;
    const pg::Result rows =
        statement.Execute({Value::Time(oldest), Value::Time(now - thresholds.reopen_within)});
    for (uint64_t i = 0; i < rows.size(); ++i) {
        pg::CheckInterrupts();
        incidents[rows[i].Text(0)].push_back(ReadIncident(rows[i]));
    }
    std::map<std::string, IncidentTracker> trackers;
    for (auto& [event, list] : incidents) trackers.emplace(event, IncidentTracker(std::move(list), "period"));
    return trackers;
}

void WriteIncidents(const IncidentSubject& subject, std::vector<Incident>& incidents, Moment now,
                    std::optional<int64_t> cause) {
    std::optional<int64_t> group = std::nullopt;
    Moment group_moment = 0;
    for (Incident& incident : incidents) {
        if (!incident.changed) continue;
        if (incident.id == 0) {
            const bool together = group && group_moment == incident.opened_at;
            Insert(subject, incident, together ? group : cause, now);
            if (!together) group = cause ? cause : incident.id;
            group_moment = incident.opened_at;
        } else if (incident.seen) {
            UpdateFigures(incident);
        }
        UpdateState(incident);
        WriteEvents(incident);
        incident.changed = incident.seen = false;
    }
}

}  // namespace pulse::drift
