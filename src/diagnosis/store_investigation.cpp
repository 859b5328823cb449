#include "pulse/diagnosis/store_investigation.hpp"

#include "pulse/diagnosis/store_agent.hpp"
#include "pulse/diagnosis/store_job.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/spi.hpp"

namespace pulse::diagnosis {

namespace {

using pg::Value;

std::optional<int64_t> LiveOne(int64_t incident) {
    const pg::Result rows = pg::Execute(
        "SELECT id FROM pulse.investigation WHERE incident_id = $1 AND status IN ('queued', 'running')",
        {Value::Int8(incident)});
    return rows.empty() ? std::nullopt : std::optional(rows[0].Int8(0));
}

}  // namespace

std::optional<int64_t> QueueInvestigation(int64_t incident, const std::string& requested_by) {
    if (const auto live = LiveOne(incident)) return live;
    std::string model;
    try {
        model = ChooseModel();
    } catch (const UserError&) {
        return std::nullopt;  // no model, or several and none chosen
    }
    const pg::Result rows = pg::Execute(
        "INSERT INTO pulse.investigation (incident_id, model, requested_by) VALUES ($1, $2, $3) "
        "ON CONFLICT (incident_id) WHERE status IN ('queued', 'running') DO NOTHING RETURNING id",
        {Value::Int8(incident), Value::Text(model), Value::Text(requested_by)});
    if (rows.empty()) return LiveOne(incident);  // another session queued it first
    pg::WakeWorker(kInvestigationsJob);
    return rows[0].Int8(0);
}

}  // namespace pulse::diagnosis
