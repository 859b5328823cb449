#include "pulse/worker/job.hpp"

#include <algorithm>

namespace pulse::worker {

int64_t Pause(int attempt, int64_t retry_delay, double random) {
    // 3/4 to 5/4 of the doubled delay; the maximum applies to the result.
    double pause = static_cast<double>(std::max<int64_t>(retry_delay, 0)) * (0.75 + 0.5 * random);
    for (int i = 1; i < attempt && pause < static_cast<double>(kLongestPause); ++i) pause *= 2;
    return static_cast<int64_t>(std::min(pause, static_cast<double>(kLongestPause)));
}

std::optional<Moment> RetryAt(const Job& job, const RunResult& result, Moment now, double random) {
    // A user's cancel request is not retried.
    if (result.status == "ok" || result.status == "cancelled" || job.attempt > job.max_retries)
        return std::nullopt;
    return now + Pause(job.attempt, job.retry_delay, random);
}

}  // namespace pulse::worker
