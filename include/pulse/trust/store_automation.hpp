// The tables of automations. For entry code. All functions need an open pg::Session as pg::Identity::Owner(),
// unless they say otherwise.
#pragma once

#include "pulse/pg/spi.hpp"
#include "pulse/trust/automation.hpp"

namespace pulse::trust {

// ---- store_automation.cpp ----

// What a version needs to know of the role that makes it.
struct AutomationOwner {
    std::string actor, role, search_path;
};
// Of the calling role; to be called before an Identity.
AutomationOwner OwnerOfCaller();
// Puts the qualified name of the function of run_function into a definition. Needs no Session; to be called
// before an Identity. Throws UserError.
void ResolveFunctions(nlohmann::json& definition);
// The role that owns an automation. Needs no Session. Throws UserError 42704.
std::string RoleOfAutomation(const std::string& name);

int64_t CreateAutomation(const std::string& name, const nlohmann::json& definition,
                         const std::optional<std::string>& description, const AutomationOwner& owner);
int32_t UpdateAutomation(const std::string& name, const std::optional<nlohmann::json>& definition,
                         const std::optional<std::string>& description,
                         const std::optional<std::string>& new_name, const AutomationOwner& owner);
void DeleteAutomation(const std::string& name, const std::string& actor);
// "active" or "paused". Throws UserError 42704; 55000 if it is so already and `strict`.
void SetAutomationStatus(const std::string& name, const std::string& status,
                         const std::optional<std::string>& reason, const std::string& actor,
                         bool strict = false);
std::string StatusOfAutomation(const std::string& name);

std::optional<AutomationDefinition> FindDefinition(int64_t automation);
// Why an automation must not act; empty if it may.
std::optional<std::string> WhyStopped(int64_t automation);

// ---- store_cause.cpp ----

// An automation that looks for its cause.
struct ActiveAutomation {
    int64_t id = 0;
    std::string name;
    AutomationDefinition definition;
    std::optional<int64_t> segment, position;
    std::optional<Moment> next_run;
    Moment anchor = 0;
    bool signal_met = false;
    std::string runs_as, search_path;
};
// Locks it; empty if it is not active, or another session handles it.
std::optional<ActiveAutomation> LockActive(int64_t automation);

// Writes down what causes an automation; false if the key has acted before.
bool NoteCause(int64_t automation, const std::string& key, const nlohmann::json& data,
               std::optional<double> share);
// Looks at the schedule, the members or the signal of an automation; whether anything was noted.
bool LookForCause(int64_t automation);
// For one where that failed: it is checked like the others later.
void NoteChecked(int64_t automation, const std::string& why);
// Active automations with causes other than incidents, which note themselves.
std::vector<int64_t> AutomationsToCheck();
std::optional<Moment> NextCauseDue();
// Where reading changes of membership begins.
int64_t FirstPosition();
std::optional<Moment> NextRunOf(const Trigger& when, Moment after, Moment anchor);

// ---- store_trigger.cpp ----

std::vector<int64_t> WaitingTriggers(int64_t limit);
// Proposes the action, or says why not; whether anything changed.
bool HandleTrigger(int64_t trigger);
// For one where that failed: it is not looked at for a while, so that it keeps no other waiting.
void PostponeTrigger(int64_t trigger, const std::string& why);
// Why an automation would not act on another cause now: it cools down, or an action has not ended.
std::optional<std::string> WhyNotNow(const ActiveAutomation& automation);
// The subject of its actions.
std::string SubjectOf(const ActiveAutomation& automation);

}  // namespace pulse::trust
