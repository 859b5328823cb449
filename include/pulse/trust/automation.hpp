// Automations: what causes an action, the action, and its limits. Pure C++.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "pulse/trust/action.hpp"
#include "pulse/trust/limits.hpp"

namespace pulse::trust {

struct Trigger {
    enum class Kind { kIncident, kMembership, kSchedule, kSignal } kind = Kind::kIncident;
    // Incident: empty matches any. Membership: the segment.
    std::string segment = {}, detector = {};
    std::string severity = {};  // or a worse one
    std::string change = {};    // of membership: entered, exited, or empty for both
    std::string schedule = {}, time_zone = {};
    std::string signal = {}, entity = {};
    std::optional<double> above = {}, below = {};
};
const char* Name(Trigger::Kind kind);

struct AutomationDefinition {
    Trigger when;
    std::string action, subject, channel;  // no subject: the automation itself
    nlohmann::json payload = nlohmann::json::object();
    Level level = Level::kApproval;
    std::optional<Mode> mode;
    Limits limits;
    int64_t cool_down = 0;            // microseconds
    std::optional<double> max_share;  // of a segment moved at once; empty: the setting
};

// {"when": {…}, "do": {"action": …}, "level": …, "limits": {…}}. Throws UserError 22023.
AutomationDefinition ReadAutomation(const nlohmann::json& json);

// "when, limits": the keys that differ.
std::string DescribeChange(const nlohmann::json& before, const nlohmann::json& after);

// "an incident of segment big_spenders of severity high or worse"
std::string Describe(const Trigger& trigger);

// Throws UserError 22023 unless it can be the name of an action.
std::string RequireActionName(const std::string& name);

}  // namespace pulse::trust
