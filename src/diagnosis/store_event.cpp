// Loads the input for an incident of events.
#include "pulse/diagnosis/store.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/spi.hpp"

namespace pulse::diagnosis {

using pg::Value;

std::optional<EventDiagnosisInput> LoadEventDiagnosisInput(int64_t incident) {
    const pg::Result rows = pg::Execute(
        "SELECT i.event, i.detector, i.attribute, i.severity, i.status, i.direction, i.summary, i.baseline, "
        "i.observed, i.since, i.opened_at, i.last_seen_at, i.details, ARRAY(SELECT o.id FROM "
        "pulse.incident_record AS o WHERE o.group_id = i.group_id AND o.id <> i.id ORDER BY o.id LIMIT 50) "
        "FROM pulse.incident_record AS i WHERE i.id = $1 AND i.event IS NOT NULL",
        {Value::Int8(incident)});
    if (rows.empty()) return std::nullopt;
    const pg::Row row = rows[0];
    EventDiagnosisInput input;
    input.incident = incident;
    input.event = row.Text(0);
    input.detector = row.Text(1);
    input.attribute = row.Text(2);
    input.severity = row.Text(3);
    input.status = row.Text(4);
    input.direction = row.Text(5);
    input.summary = row.Text(6);
    input.baseline = row.Float8OrNull(7);
    input.observed = row.Float8OrNull(8);
    input.since = row.Time(9);
    input.opened_at = row.Time(10);
    input.last_seen_at = row.Time(11);
    input.details = row.Jsonb(12);
    input.together = row.Int8s(13);
    const std::string verbs = pg::VerbSchema();
    input.verbs = verbs == "public" ? "" : verbs + ".";
    return input;
}

}  // namespace pulse::diagnosis
