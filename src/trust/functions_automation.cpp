// SQL functions for automations.
#include <nlohmann/json.hpp>

#include "pulse/pg/entry.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/trust/store_automation.hpp"
#include "pulse/trust/store_automation_job.hpp"

namespace pg = pulse::pg;
namespace trust = pulse::trust;
using nlohmann::json;

namespace {

void RequireAutomationRights(const std::string& name) {
    pg::RequireRightsOf(trust::RoleOfAutomation(name), "automation \"" + name + "\"");
}

Datum SetStatus(FunctionCallInfo fcinfo, const char* status) {
    const pg::Args args(fcinfo);
    const std::string name = args.RequireText(0, "name"), actor = pg::ActorName();
    const pg::OwnerSession session;
    trust::SetAutomationStatus(name, status, args.Text(1), actor, true);
    PG_RETURN_VOID();
}

}  // namespace

PULSE_WRITING_FUNCTION(pulse_create_automation) {
    const pg::Args args(fcinfo);
    const std::string name = args.RequireText(0, "name");
    json definition = args.RequireJsonb(1, "definition");
    const trust::AutomationOwner owner = trust::OwnerOfCaller();
    trust::ReadAutomation(definition);
    trust::ResolveFunctions(definition);
    const pg::OwnerSession session;
    return Int64GetDatum(trust::CreateAutomation(name, definition, args.Text(2), owner));
}

PULSE_WRITING_FUNCTION(pulse_update_automation) {
    const pg::Args args(fcinfo);
    const std::string name = args.RequireText(0, "name");
    std::optional<json> definition = args.Jsonb(1);
    RequireAutomationRights(name);
    const trust::AutomationOwner owner = trust::OwnerOfCaller();
    if (definition) {
        trust::ReadAutomation(*definition);
        trust::ResolveFunctions(*definition);
    }
    const pg::OwnerSession session;
    return Int32GetDatum(trust::UpdateAutomation(name, definition, args.Text(2), args.Text(3), owner));
}

PULSE_WRITING_FUNCTION(pulse_delete_automation) {
    const std::string name = pg::Args(fcinfo).RequireText(0, "name");
    RequireAutomationRights(name);
    const std::string actor = pg::ActorName();
    const pg::OwnerSession session;
    trust::DeleteAutomation(name, actor);
    PG_RETURN_VOID();
}

PULSE_WRITING_FUNCTION(pulse_pause_automation) {
    return SetStatus(fcinfo, "paused");
}

PULSE_WRITING_FUNCTION(pulse_resume_automation) {
    return SetStatus(fcinfo, "active");
}

PULSE_WRITING_FUNCTION(pulse_run_automations) {
    return Int64GetDatum(trust::RunAutomations(false).rows.value_or(0));
}
