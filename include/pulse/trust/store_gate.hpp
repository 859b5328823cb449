// The gate: whether an action on a subject may be carried out now. Every automation and every synchronisation
// asks it, in the transaction that claims the work, and again just before it is carried out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pulse/trust/verdict.hpp"

namespace pulse::trust {

struct GateDecision {
    int64_t id = 0;  // of its row in pulse.gate_decision; 0: a dry run
    Verdict verdict = Verdict::kBlock;
    std::optional<double> score;       // 0 to 100; none: unknown
    std::vector<std::string> reasons;  // sentences; why not, if it does not pass
    Moment as_of = 0;                  // of the score
};

// Decide about an action, such as "sync_audience", on a subject, such as "audience:newsletter". Writes the
// decision, unless `dry_run`, in the caller's transaction. Fails closed: an unknown action, no data, an error
// or a standby never pass; none of them throws. Needs an open Session as pg::Identity::Owner().
GateDecision EvaluateGate(const std::string& action, const std::string& subject, bool dry_run);

}  // namespace pulse::trust
