// Audiences as subjects of the gate, and syncs as actions.
#include <nlohmann/json.hpp>

#include "pulse/audience/store_audience.hpp"
#include "pulse/audience/store_sync.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/trust/action_kind.hpp"
#include "pulse/trust/subject.hpp"

namespace pulse::audience {

namespace {

using pg::Value;

bool FindSubject(const std::string& name, std::vector<trust::Subject>& dependencies) {
    const pg::Result rows = pg::Execute(
        "SELECT s.name, a.destination FROM pulse.audience AS a JOIN pulse.segment AS s ON s.id = a.segment_id"
        " WHERE a.name = $1",
        {Value::Text(name)});
    if (rows.empty()) return false;
    dependencies.push_back({"segment", rows[0].Text(0)});
    dependencies.push_back({"destination", rows[0].Text(1)});
    return true;
}

void CarryOut(const trust::Action& action, nlohmann::json& result) {
    const trust::Subject subject = trust::ReadSubject(action.subject);
    result["run"] = RequestSync(subject.name, "auto", "action");
}

[[maybe_unused]] const bool trust_registered =
    trust::RegisterSubjectKind({.kind = "audience", .find = FindSubject}) &&
    trust::RegisterActionKind({.name = "sync_audience", .subject_kind = "audience", .carry_out = CarryOut});

}  // namespace

}  // namespace pulse::audience
