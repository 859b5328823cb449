// Settings of the limits of actions, rules, and the freeze. For entry code. All functions need an open
// pg::Session as pg::Identity::Owner().
#pragma once

#include <map>
#include <nlohmann/json.hpp>

#include "pulse/pg/spi.hpp"
#include "pulse/trust/action.hpp"
#include "pulse/trust/limits.hpp"

namespace pulse::trust {

struct ActionRow;

struct Enforcement {
    bool enabled = true;
    Mode mode = Mode::kSoftBlock;
    std::map<std::string, Mode> risk_modes;
    int64_t expire_after = kDay, confirm_within = 15 * kMinute;
    double max_share = 0.2;
    std::optional<std::string> channel;
};
Enforcement LoadEnforcement();

struct EnforcementChange {
    std::optional<bool> enabled;
    std::optional<std::string> reason, mode, channel;
    std::optional<nlohmann::json> risk_modes;
    std::optional<int64_t> expire_after, confirm_within;
    std::optional<double> max_share;
};
void ChangeEnforcement(const EnforcementChange& change, const std::string& actor);

int64_t CreateRule(const std::string& name, const std::vector<std::string>& actions,
                   const nlohmann::json& limits, const std::string& mode, const std::string& actor);
void DeleteRule(const std::string& name);

// What the limits say about an action.
struct LimitReport {
    std::vector<std::string> violations;
    Mode mode = Mode::kAdvisory;  // the strictest of those that apply
    bool moves_many = false;
};
LimitReport CheckLimits(const ActionRow& row, const Enforcement& enforcement);

// The risk class of an action, as the gate sees it; "unknown" if it has none.
std::string RiskOf(const std::string& action);
inline constexpr const char* kHighRisk = "high";

// Why nothing may move; empty if it may, as for what is always allowed. As other sessions see it now.
std::optional<std::string> WhyFrozen(const std::string& risk);
// Throws UserError 55000.
void RequireNotFrozen(const std::string& risk);
inline constexpr const char* kAlwaysAllowed = "always";

}  // namespace pulse::trust
