// What Pulse itself carries out: functions of users, and pausing its own automations and flags.
#include "pulse/base/error.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/flag/store_flag.hpp"
#include "pulse/pg/automation_scope.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/lock.hpp"
#include "pulse/pg/session_settings.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/source/fixed_settings.hpp"
#include "pulse/trust/store_action.hpp"
#include "pulse/trust/store_automation.hpp"
#include "pulse/trust/subject.hpp"

namespace pulse::trust {

namespace {

using nlohmann::json;
using pg::Value;

constexpr size_t kLongestAnswer = 10'000;
constexpr const char* kFunctionHint =
    "Give {\"function\": \"schema.name\", \"arguments\": {}}; the function takes one jsonb.";

struct FunctionCall {
    std::string function, role, search_path;
    json argument;
};

FunctionCall ReadCall(const Action& action) {
    const pg::Result rows = pg::Execute(
        "SELECT payload, reason, automation_id, pulse.role_name(runs_as, role_oid), search_path"
        " FROM pulse.action WHERE id = $1",
        {Value::Int8(action.id)});
    const json payload = rows[0].Jsonb(0);
    FunctionCall call{payload.value("function", ""), rows[0].Text(3), rows[0].Text(4), {}};
    call.argument = {{"action", action.id},
                     {"subject", action.subject},
                     {"decision", action.decision},
                     {"reason", rows[0].IsNull(1) ? json() : json(rows[0].Text(1))},
                     {"automation", rows[0].IsNull(2) ? json() : json(rows[0].Int8(2))},
                     {"arguments", payload.value("arguments", json::object())}};
    if (payload.contains("cause")) call.argument["cause"] = payload["cause"];
    return call;
}

// With the rights of its role, nothing of the session reaching it, and no way to change what Pulse decides
// by.
void RunFunction(const Action& action, json& result) {
    const FunctionCall call = ReadCall(action);
    const Value argument = Value::Jsonb(call.argument);
    std::optional<std::string> answer;
    {
        const pg::AutomationScope scope;
        const pg::AdvisoryLockScope locks;
        const pg::Identity identity = pg::Identity::Definer(call.role, call.search_path);
        const pg::Deadline deadline(pg::settings::statement_timeout);
        const pg::Session session;
        pg::ResetSessionSettings();
        for (const source::FixedSetting& each : source::kFixedSettings) pg::SetLocally(each.name, each.value);
        const pg::Result rows = pg::Execute("SELECT " + call.function + "($1)", {argument});
        pg::CheckInterrupts();
        if (!rows.empty()) answer = rows[0].Output(0);
        if (pg::Deadline::Expired())
            throw UserError(sqlstate::kQueryCanceled,
                            call.function + " ran longer than pulse.statement_timeout");
    }
    result["function"] = call.function;
    if (answer) result["returned"] = answer->substr(0, kLongestAnswer);
}

// ---- automations ----

void AutomationBefore(const Action& action, json& state) {
    state = {{"status", StatusOfAutomation(ReadSubject(action.subject).name)}};
}

void PauseAutomationAction(const Action& action, json&) {
    SetAutomationStatus(ReadSubject(action.subject).name, "paused", "action " + std::to_string(action.id),
                        kPulseItself);
}

void ResumeAutomationAction(const Action& action, json&) {
    SetAutomationStatus(ReadSubject(action.subject).name, "active", "action " + std::to_string(action.id),
                        kPulseItself);
}

void RestoreAutomation(const Action& action, const json& state) {
    SetAutomationStatus(ReadSubject(action.subject).name, state.at("status").get<std::string>(),
                        "rollback of action " + std::to_string(action.id), kPulseItself);
}

// ---- flags ----

void FlagBefore(const Action& action, json& state) {
    const std::string key = ReadSubject(action.subject).name;
    const pg::Result rows = pg::Execute("SELECT enabled FROM pulse.flag WHERE key = $1", {Value::Text(key)});
    if (rows.empty()) flag::ThrowUnknownFlag(key);
    state = {{"enabled", rows[0].Bool(0)}};
}

void SwitchFlagTo(const Action& action, bool enabled) {
    flag::SwitchFlag(ReadSubject(action.subject).name, enabled, kPulseItself);
}

void PauseFlag(const Action& action, json&) {
    SwitchFlagTo(action, false);
}

void ResumeFlag(const Action& action, json&) {
    SwitchFlagTo(action, true);
}

void RestoreFlag(const Action& action, const json& state) {
    SwitchFlagTo(action, state.at("enabled").get<bool>());
}

[[maybe_unused]] const bool kinds_registered =
    RegisterActionKind({.name = "run_function", .carry_out = RunFunction}) &&
    RegisterActionKind({.name = "pause_automation",
                        .subject_kind = "automation",
                        .carry_out = PauseAutomationAction,
                        .state_before = AutomationBefore,
                        .roll_back = RestoreAutomation}) &&
    RegisterActionKind({.name = "resume_automation",
                        .subject_kind = "automation",
                        .carry_out = ResumeAutomationAction,
                        .state_before = AutomationBefore,
                        .roll_back = RestoreAutomation}) &&
    RegisterActionKind({.name = "pause_flag",
                        .subject_kind = "flag",
                        .carry_out = PauseFlag,
                        .state_before = FlagBefore,
                        .roll_back = RestoreFlag}) &&
    RegisterActionKind({.name = "resume_flag",
                        .subject_kind = "flag",
                        .carry_out = ResumeFlag,
                        .state_before = FlagBefore,
                        .roll_back = RestoreFlag});

}  // namespace

std::string ResolveFunction(const json& payload) {
    const auto given = payload.find("function");
    if (given == payload.end() || !given->is_string() || given->get<std::string>().empty())
        ThrowInvalid("the payload names no function", "", kFunctionHint);
    if (const auto arguments = payload.find("arguments");
        arguments != payload.end() && !arguments->is_object())
        ThrowInvalid("\"arguments\" must be an object", "", kFunctionHint);
    const std::string name = given->get<std::string>();
    const pg::Result rows = pg::Execute(
        "SELECT pg_catalog.format('%I.%I', n.nspname, p.proname), pg_catalog.has_function_privilege(p.oid, 'EXECUTE'),"
        " p.prokind OPERATOR(pg_catalog.=) 'f' FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n"
        " ON n.oid OPERATOR(pg_catalog.=) p.pronamespace WHERE p.oid OPERATOR(pg_catalog.=)"
        " pg_catalog.to_regprocedure($1 OPERATOR(pg_catalog.||) '(jsonb)')",
        {Value::Text(name.substr(0, 500))}, true);
    if (rows.empty())
        throw UserError(sqlstate::kUndefinedObject,
                        "function " + InQuotes(name.substr(0, 100)) + " does not exist",
                        "There is none that takes one jsonb.", kFunctionHint);
    if (!rows[0].Bool(2))
        throw UserError(sqlstate::kUndefinedObject, InQuotes(name.substr(0, 100)) + " is no plain function",
                        "", kFunctionHint);
    if (!rows[0].Bool(1))
        throw UserError(sqlstate::kInsufficientPrivilege,
                        "permission denied for function " + InQuotes(name.substr(0, 100)), "",
                        "The action runs with the rights of the role that proposes it.");
    return rows[0].Text(0);
}

}  // namespace pulse::trust
