// What the queue of actions asks the gate's tables beyond its verdict.
#include "pulse/pg/probe.hpp"
#include "pulse/trust/store_action_type.hpp"
#include "pulse/trust/store_enforcement.hpp"

namespace pulse::trust {

std::string RiskOf(const std::string& action) {
    const std::optional<Risk> risk = FindRisk(action);
    return risk ? Name(*risk) : "unknown";
}

std::optional<std::string> WhyFrozen(const std::string& risk) {
    static pg::Statement statement("SELECT coalesce(reason, '') FROM pulse.freeze WHERE frozen", {});
    if (risk == kAlwaysAllowed) return std::nullopt;
    const pg::LatestSnapshot latest;
    const pg::Result rows = statement.Execute({}, true);
    if (rows.empty()) return std::nullopt;
    const std::string reason = rows[0].Text(0);
    return "Everything is frozen" + (reason.empty() ? "." : ": " + reason);
}

void RequireNotFrozen(const std::string& risk) {
    if (const auto why = WhyFrozen(risk))
        throw UserError(sqlstate::kNotReady, "no action moves while everything is frozen", *why,
                        "pulse_unfreeze() ends the freeze; pulse_dismiss_action() works meanwhile.");
}

}  // namespace pulse::trust
