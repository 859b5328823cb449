// Audiences as subjects of the gate; syncing, pausing and resuming them as actions.
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

std::string NameOf(const trust::Action& action) {
    return trust::ReadSubject(action.subject).name;
}

std::string ReasonOf(const trust::Action& action) {
    return "action " + std::to_string(action.id);
}

// With a run: the one that waits for approval goes on.
void Sync(const trust::Action& action, nlohmann::json& result) {
    if (const auto run = action.payload.find("run");
        run != action.payload.end() && run->is_number_integer()) {
        ContinueHeld(run->get<int64_t>(), action.id);
        result["run"] = *run;
        return;
    }
    result["run"] = RequestSync(NameOf(action), "auto", "action");
}

// Nobody lets it go on: the run ends, and the next one is planned anew.
void EndSync(const trust::Action& action, const std::string& state, const std::string& actor) {
    if (const auto run = action.payload.find("run"); run != action.payload.end() && run->is_number_integer())
        EndHeld(run->get<int64_t>(), action.id,
                ReasonOf(action) + " is " + state + (state == "dismissed" ? " by " + actor : ""));
}

void Pause(const trust::Action& action, nlohmann::json&) {
    PauseAudience(NameOf(action), ReasonOf(action));
}

void Resume(const trust::Action& action, nlohmann::json&) {
    ResumeAudience(NameOf(action));
}

void KeepStatus(const trust::Action& action, nlohmann::json& state) {
    state = {{"status", LoadAudience(NameOf(action)).status}};
}

void RestoreStatus(const trust::Action& action, const nlohmann::json& state) {
    if (state.at("status") == "active")
        ResumeAudience(NameOf(action));
    else
        PauseAudience(NameOf(action), "rollback of " + ReasonOf(action));
}

[[maybe_unused]] const bool trust_registered =
    trust::RegisterSubjectKind({.kind = "audience", .find = FindSubject}) &&
    trust::RegisterActionKind(
        {.name = "sync_audience", .subject_kind = "audience", .carry_out = Sync, .ended = EndSync}) &&
    trust::RegisterActionKind({.name = "pause_audience",
                               .subject_kind = "audience",
                               .carry_out = Pause,
                               .state_before = KeepStatus,
                               .roll_back = RestoreStatus}) &&
    trust::RegisterActionKind({.name = "resume_audience",
                               .subject_kind = "audience",
                               .carry_out = Resume,
                               .state_before = KeepStatus,
                               .roll_back = RestoreStatus});

}  // namespace

}  // namespace pulse::audience
