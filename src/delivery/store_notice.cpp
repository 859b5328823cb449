// Writes notices of events of incidents and snapshots for the delivery worker, in the same transaction.
#include "pulse/delivery/store.hpp"
#include "pulse/drift/listener.hpp"
#include "pulse/snapshot/listener.hpp"

namespace pulse::delivery {

namespace {

using pg::Value;

const char* EventOf(const std::string& kind) {
    if (kind == "opened" || kind == "reopened") return "incident.opened";
    if (kind == "resolved") return "incident.resolved";
    return "incident.updated";
}

void NoteIncident(int64_t incident, int64_t event, const std::string& kind, Moment at) {
    static pg::Statement statement(
        "INSERT INTO pulse.notice (event, kind, incident_id, incident_event_id, at)"
        " VALUES ($1, $2, $3, $4, $5)",
        {TEXTOID, TEXTOID, INT8OID, INT8OID, TIMESTAMPTZOID});
    statement.Execute({Value::Text(EventOf(kind)), Value::Text(kind), Value::Int8(incident),
                       Value::Int8(event), Value::Time(at)});
    WakeDelivery();
}

// Snapshots are frequent: a notice is written only if a subscription includes them.
void NoteSnapshot(int64_t snapshot) {
    static pg::Statement statement(
        "INSERT INTO pulse.notice (event, kind, snapshot_id, at)"
        " SELECT 'snapshot.taken', 'taken', p.id, p.taken_at "
        "FROM pulse.snapshot AS p WHERE p.id = $1 "
        "AND EXISTS (SELECT FROM pulse.subscription AS s WHERE 'snapshot.taken' = ANY (s.events))",
        {INT8OID});
    if (statement.Execute({Value::Int8(snapshot)}).processed() > 0) WakeDelivery();
}

[[maybe_unused]] const bool listening =
    drift::ListenToIncidents(NoteIncident) && snapshot::ListenToSnapshots(NoteSnapshot);

}  // namespace

}  // namespace pulse::delivery
