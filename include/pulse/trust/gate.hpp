// The judgement of the gate over what is known. Pure C++.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pulse/base/time.hpp"
#include "pulse/trust/signal_health.hpp"
#include "pulse/trust/verdict.hpp"

namespace pulse::trust {

// Without history for so long nothing passes.
inline constexpr int64_t kLongestGap = 2 * kDay;

// Everything that is not known is empty or false, and the default refuses.
struct GateFacts {
    std::string action, subject;
    std::optional<Risk> risk;  // empty: an unknown action
    bool writable = false;     // neither a standby nor a read-only transaction
    bool clock_ahead = true;   // pulse.now is in the future
    bool old_snapshot = true;  // what others commit is not seen: REPEATABLE READ
    std::optional<bool> frozen;
    std::string frozen_why;
    bool subject_exists = false;
    std::string problem;          // why the score could not be computed
    std::optional<double> score;  // that counts
    HealthStatus status = HealthStatus::kUnknown;
    std::vector<std::string> issues;     // of the score
    std::optional<Moment> as_of;         // of the score
    std::optional<Moment> last_history;  // of the newest row of the history
    bool everything_later = false;       // that row is of everything, and in the future
    Moment now = 0;
    Moment latest =
        0;  // when it is judged: the transaction may have begun before the newest score was computed
};

struct Judgement {
    Verdict verdict = Verdict::kBlock;
    double threshold = 100;
    std::vector<std::string> reasons = {}, lifts = {};
};

// Passes only if nothing at all speaks against it.
Judgement Judge(const GateFacts& facts, const TrustSettings& settings);

// What may be done with a score: normal, limited, cuts_only or frozen, as Stratum calls it.
const char* ModeOf(const std::optional<double>& score, HealthStatus status, bool frozen,
                   const TrustSettings& settings);

}  // namespace pulse::trust
