// The gate, the limits, and what follows from them.
#include "pulse/trust/store_action.hpp"

namespace pulse::trust {

Assessed Assess(const ActionRow& row, const Enforcement& enforcement, bool dry_run) {
    Assessed assessed;
    assessed.gate = EvaluateGate(row.name, row.gate_subject, dry_run);
    const LimitReport limits = CheckLimits(row, enforcement);
    assessed.violated = !limits.violations.empty();
    assessed.course = Decide({.passes = assessed.gate.verdict == Verdict::kPass,
                              .holds = assessed.gate.verdict == Verdict::kHold,
                              .level = row.level,
                              .high_risk = row.risk == kHighRisk,
                              .moves_many = limits.moves_many,
                              .approved = row.approved,
                              .confirmed = row.confirmed,
                              .overridden = row.overridden,
                              .enforced = enforcement.enabled,
                              .violated = assessed.violated,
                              .mode = limits.mode});
    const bool stops = enforcement.enabled && limits.mode != Mode::kAdvisory && !row.confirmed;
    std::vector<std::string>& texts = stops ? assessed.reasons : assessed.warnings;
    texts = limits.violations;
    if (assessed.gate.verdict != Verdict::kPass)
        assessed.reasons.insert(assessed.reasons.end(), assessed.gate.reasons.begin(),
                                assessed.gate.reasons.end());
    if (limits.moves_many && !row.approved && !row.confirmed)
        assessed.reasons.emplace_back("It moves more people of the segment at once than may move unasked.");
    return assessed;
}

}  // namespace pulse::trust
