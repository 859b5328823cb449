// A person's actions on incidents and on baselines.
#include "pulse/drift/incident_tracker.hpp"
#include "pulse/drift/listener.hpp"
#include "pulse/drift/unknown_incident.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/interval.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/segment/segment.hpp"

namespace pulse::drift {

namespace {

using pg::Value;

// An incident whose segment or monitor is locked, so that it and a running check wait for each other; a check
// of events locks the incidents themselves.
struct LockedIncident {
    int64_t id = 0;
    std::optional<int64_t> segment, monitor;  // none: about events
    std::string detector, attribute;
    IncidentStatus status = IncidentStatus::kOpen;
    Moment since = 0;
    std::string severity;
    std::optional<double> observed, change;

    bool live() const { return status == IncidentStatus::kOpen || status == IncidentStatus::kAcknowledged; }
};

LockedIncident LockIncident(int64_t id) {
    static pg::Statement lock(
        "SELECT s.id FROM pulse.segment s WHERE s.id = (SELECT r.segment_id FROM pulse.incident_record r "
        "WHERE r.id = $1)"
        " FOR NO KEY UPDATE",
        {INT8OID});
    static pg::Statement lock_monitor(
        "SELECT m.id FROM pulse.monitor m WHERE m.id = (SELECT r.monitor_id FROM pulse.incident_record r "
        "WHERE r.id = $1) FOR NO KEY UPDATE",
        {INT8OID});
    static pg::Statement read(
        "SELECT status, since, severity, observed, change, segment_id, monitor_id, detector, attribute "
        "FROM pulse.incident_record WHERE id = $1 FOR NO KEY UPDATE",
        {INT8OID});
    if (lock.Execute({Value::Int8(id)}).empty()) lock_monitor.Execute({Value::Int8(id)});
    const pg::Result rows = read.Execute({Value::Int8(id)});
    if (rows.empty()) ThrowUnknownIncident(id);
    LockedIncident locked;
    locked.id = id;
    locked.segment = rows[0].Int8OrNull(5);
    locked.monitor = rows[0].Int8OrNull(6);
    locked.detector = rows[0].Text(7);
    locked.attribute = rows[0].Text(8);
    locked.status = ParseIncidentStatus(rows[0].Text(0)).value_or(IncidentStatus::kOpen);
    locked.since = rows[0].Time(1);
    locked.severity = rows[0].Text(2);
    locked.observed = rows[0].Float8OrNull(3);
    locked.change = rows[0].Float8OrNull(4);
    return locked;
}

void RequireLive(const LockedIncident& locked, const char* verb) {
    if (locked.live()) return;
    throw UserError(sqlstate::kNotReady,
                    "incident " + std::to_string(locked.id) + " is " + Name(locked.status),
                    locked.status == IncidentStatus::kResolved
                        ? std::string("An incident that has ended cannot be ") + verb + "."
                        : std::string("Only an open or acknowledged incident can be ") + verb + ".",
                    locked.status == IncidentStatus::kIgnored
                        ? "Resolve it with pulse_resolve_incident(); if the drift persists, the next "
                          "check reopens it."
                        : "If the drift persists, the next check reopens it.");
}

void AddEvent(const LockedIncident& locked, const char* kind, const std::string& actor,
              const std::optional<std::string>& note) {
    static pg::Statement statement(
        "INSERT INTO pulse.incident_event (incident_id, at, kind, actor, severity, observed, change, note)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id",
        {INT8OID, TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTOID, FLOAT8OID, FLOAT8OID, TEXTOID});
    const pg::Result rows =
        statement.Execute({Value::Int8(locked.id), Value::Time(pg::Now()), Value::Text(kind),
                           Value::Text(actor), Value::Text(locked.severity), Value::Float8(locked.observed),
                           Value::Float8(locked.change), Value::Text(note)});
    Announce(locked.id, rows[0].Int8(0), kind, pg::Now());
}

void Acknowledge(int64_t id, const std::string& actor, const std::optional<std::string>& note) {
    static pg::Statement statement("UPDATE pulse.incident_record SET status = 'acknowledged' WHERE id = $1",
                                   {INT8OID});
    const LockedIncident locked = LockIncident(id);
    RequireLive(locked, "acknowledged");
    statement.Execute({Value::Int8(id)});
    // A second call only adds a note, because two people may work on an incident at the same time.
    AddEvent(locked, locked.status == IncidentStatus::kAcknowledged ? "note" : "acknowledged", actor, note);
}

void Close(const LockedIncident& locked, const std::string& actor, const std::optional<std::string>& note,
           bool new_normal) {
    static pg::Statement statement(
        "UPDATE pulse.incident_record SET status = 'resolved', closed_at = $2, resolved_by = $3, new_normal "
        "= $4,"
        " normal_count = 0, ignored_until = NULL WHERE id = $1",
        {INT8OID, TIMESTAMPTZOID, TEXTOID, BOOLOID});
    statement.Execute(
        {Value::Int8(locked.id), Value::Time(pg::Now()), Value::Text(actor), Value::Bool(new_normal)});
    AddEvent(locked, "resolved", actor, note);
}

// When the current drift of the incident began: when it last reopened, else when it opened.
Moment OnsetOf(const LockedIncident& locked) {
    static pg::Statement statement(
        "SELECT max(e.at) FROM pulse.incident_event e WHERE e.incident_id = $1 AND e.kind = 'reopened'"
        " AND (SELECT b.actor FROM pulse.incident_event b WHERE b.incident_id = e.incident_id AND b.id < e.id"
        "      AND b.kind IN ('resolved', 'ignored') ORDER BY b.id DESC LIMIT 1) = 'pulse'",
        {INT8OID});
    return statement.Execute({Value::Int8(locked.id)})[0].TimeOrNull(0).value_or(locked.since);
}

// Accepts the table's current columns or number of rows as the new baseline of the check.
void AcceptTable(const LockedIncident& locked) {
    static pg::Statement statement(
        "UPDATE pulse.monitor_check SET state = (state - '{columns,had_rows,late,empty_since}'::text[]) || "
        "jsonb_build_object('accepted_from', $4), consecutive_bad = 0 "
        "WHERE monitor_id = $1 AND 'table_' || kind = $2 AND attribute = $3",
        {INT8OID, TEXTOID, TEXTOID, TEXTOID});
    statement.Execute({Value::Int8(locked.monitor), Value::Text(locked.detector),
                       Value::Text(locked.attribute), Value::Text(FormatMoment(OnsetOf(locked)))});
}

// The current state becomes the baseline, also for the other incidents of the segment.
void DeclareNewNormal(const LockedIncident& locked, const std::string& actor) {
    if (locked.monitor) return AcceptTable(locked);
    if (!locked.segment) return;  // the check of events reads it from the incident
    const Moment from = OnsetOf(locked);
    static pg::Statement move(
        "UPDATE pulse.segment SET baseline_from = greatest(baseline_from, $2), pinned_snapshot = NULL WHERE "
        "id = $1",
        {INT8OID, TIMESTAMPTZOID});
    static pg::Statement others(
        "SELECT id FROM pulse.incident_record WHERE segment_id = $1 AND since <= $2 AND status IN ('open', "
        "'acknowledged')"
        " ORDER BY id",
        {INT8OID, TIMESTAMPTZOID});
    move.Execute({Value::Int8(locked.segment), Value::Time(from)});
    const pg::Result rows = others.Execute({Value::Int8(locked.segment), Value::Time(from)});
    for (uint64_t i = 0; i < rows.size(); ++i)
        Close(LockIncident(rows[i].Int8(0)), actor,
              "a new normal was declared with incident " + std::to_string(locked.id), true);
}

void Resolve(int64_t id, const std::string& actor, const std::optional<std::string>& note, bool new_normal) {
    const LockedIncident locked = LockIncident(id);
    if (locked.status == IncidentStatus::kResolved) RequireLive(locked, "resolved");
    Close(locked, actor, note, new_normal);
    if (new_normal) DeclareNewNormal(locked, actor);
}

void Ignore(int64_t id, const std::string& actor, const std::optional<Moment>& until,
            const std::optional<std::string>& reason) {
    static pg::Statement statement(
        "UPDATE pulse.incident_record SET status = 'ignored', ignored_until = $2, closed_at = $3 WHERE id = "
        "$1",
        {INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID});
    const LockedIncident locked = LockIncident(id);
    if (locked.status == IncidentStatus::kResolved) RequireLive(locked, "ignored");
    if (until && *until <= pg::Now())
        throw UserError(sqlstate::kInvalidParameter, "\"until\" must be in the future",
                        "It is " + FormatMoment(*until) + ", now is " + FormatMoment(pg::Now()) + ".",
                        "Omit it to ignore the incident permanently.");
    statement.Execute({Value::Int8(id), Value::Time(until), Value::Time(pg::Now())});
    AddEvent(locked, "ignored", actor, reason);
}

// Pins a snapshot as the baseline; the newest measured one if none is named. Returns its id.
int64_t Pin(const std::string& name, const std::optional<int64_t>& snapshot) {
    static pg::Statement find(
        "SELECT id, status FROM pulse.snapshot WHERE segment_id = $1 AND (id = $2 OR $2 IS NULL AND "
        "status = 'ok'"
        " AND taken_at <= $3) ORDER BY taken_at DESC LIMIT 1",
        {INT8OID, INT8OID, TIMESTAMPTZOID});
    static pg::Statement pin("UPDATE pulse.segment SET pinned_snapshot = $2, updated_at = $3 WHERE id = $1",
                             {INT8OID, INT8OID, TIMESTAMPTZOID});
    const segment::Segment segment = segment::Load(name);
    const pg::Result rows =
        find.Execute({Value::Int8(segment.id), Value::Int8(snapshot), Value::Time(pg::Now())});
    if (rows.empty() && snapshot)
        throw UserError(sqlstate::kUndefinedObject,
                        "segment \"" + name + "\" has no snapshot " + std::to_string(*snapshot), "",
                        "See the ids in pulse.snapshot.");
    if (rows.empty())
        throw UserError(sqlstate::kNotReady, "segment \"" + name + "\" has no snapshot yet", "",
                        "Take one with pulse_take_snapshot().");
    if (rows[0].Text(1) == "incomplete")
        throw UserError(sqlstate::kNotReady, "snapshot " + std::to_string(*snapshot) + " is incomplete",
                        "Some servers are missing.", "Pin one whose status is ok.");
    if (rows[0].Text(1) != "ok")
        throw UserError(sqlstate::kNotReady, "snapshot " + std::to_string(*snapshot) + " failed",
                        "A failed snapshot has no measurements.", "Pin one whose status is ok.");
    const int64_t id = rows[0].Int8(0);
    pin.Execute({Value::Int8(segment.id), Value::Int8(id), Value::Time(pg::Now())});
    return id;
}

bool Unpin(const std::string& name) {
    static pg::Statement statement(
        "UPDATE pulse.segment SET pinned_snapshot = NULL, updated_at = $2 WHERE id = $1 AND pinned_snapshot "
        "IS NOT NULL",
        {INT8OID, TIMESTAMPTZOID});
    return statement.Execute({Value::Int8(segment::Load(name).id), Value::Time(pg::Now())}).processed() > 0;
}

}  // namespace

}  // namespace pulse::drift

namespace pg = pulse::pg;
namespace drift = pulse::drift;

PULSE_WRITING_FUNCTION(pulse_acknowledge_incident) {
    const pg::Args args(fcinfo);
    const std::string actor = pg::ActorName();
    {
        const pg::OwnerSession session;
        drift::Acknowledge(args.RequireInt8(0, "incident"), actor, args.Text(1));
    }
    return pg::FromText(drift::Name(drift::IncidentStatus::kAcknowledged));
}

PULSE_WRITING_FUNCTION(pulse_resolve_incident) {
    const pg::Args args(fcinfo);
    const std::string actor = pg::ActorName();
    {
        const pg::OwnerSession session;
        drift::Resolve(args.RequireInt8(0, "incident"), actor, args.Text(1), args.Bool(2).value_or(false));
    }
    return pg::FromText(drift::Name(drift::IncidentStatus::kResolved));
}

static Datum IgnoreUntil(FunctionCallInfo fcinfo, const std::optional<pulse::Moment>& until) {
    const pg::Args args(fcinfo);
    const std::string actor = pg::ActorName();
    const pg::OwnerSession session;
    drift::Ignore(args.RequireInt8(0, "incident"), actor, until, args.Text(2));
    return TimestampTzGetDatum(until.value_or(DT_NOEND));
}

PULSE_WRITING_FUNCTION(pulse_ignore_incident) {
    return IgnoreUntil(fcinfo, pg::ParseUntil(pg::Args(fcinfo).Text(1)));
}

PULSE_WRITING_FUNCTION(pulse_ignore_incident_until) {
    return IgnoreUntil(fcinfo, pg::Args(fcinfo).Time(1));
}

PULSE_WRITING_FUNCTION(pulse_ignore_incident_for) {
    return IgnoreUntil(fcinfo, pg::AfterInterval(pg::Args(fcinfo), 1));
}

PULSE_WRITING_FUNCTION(pulse_pin_baseline) {
    const pg::Args args(fcinfo);
    const pg::OwnerSession session;
    return Int64GetDatum(drift::Pin(args.RequireText(0, "segment"), args.Int8(1)));
}

PULSE_WRITING_FUNCTION(pulse_unpin_baseline) {
    const pg::Args args(fcinfo);
    const pg::OwnerSession session;
    return BoolGetDatum(drift::Unpin(args.RequireText(0, "segment")));
}
