#include "pulse/pg/automation_scope.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "pulse/base/error.hpp"

namespace pulse::pg {

namespace {

// By their verbs, so that the functions of a later room are among them without being named here.
constexpr std::array<std::string_view, 46> kVerbs{
    "acknowledge", "add",     "allow",    "approve",    "archive",     "cancel", "confirm",   "create",
    "delete",      "disable", "dismiss",  "drop",       "enable",      "erase",  "grant",     "ignore",
    "launch",      "load",    "monitor",  "mute",       "override",    "pause",  "pin",       "publish",
    "remove",      "rename",  "replay",   "resolve",    "restore",     "resume", "revoke",    "rollback",
    "rotate",      "run",     "schedule", "set",        "start",       "stop",   "subscribe", "unfreeze",
    "unmonitor",   "unmute",  "unpin",    "unschedule", "unsubscribe", "update"};

// "update" of "pulse_update_segment()".
std::string_view VerbOf(std::string_view function) {
    constexpr std::string_view kPrefix = "pulse_";
    if (function.starts_with(kPrefix)) function.remove_prefix(kPrefix.size());
    return function.substr(0, function.find_first_of("_("));
}

}  // namespace

void RefuseInAutomation(const char* function) {
    if (!AutomationScope::Active()) return;
    const std::string_view verb = VerbOf(function);
    if (std::find(kVerbs.begin(), kVerbs.end(), verb) == kVerbs.end()) return;
    throw UserError(sqlstate::kNotReady, std::string(function) + " cannot run inside an automation",
                    "Pulse changes no definition, no right and no decision by itself.",
                    "Let a person call it; an automation may notify that person through a webhook.");
}

}  // namespace pulse::pg
