// A job: what runs, when, and what happens after a run. Pure C++.
#pragma once

#include <optional>
#include <string>

#include "pulse/base/run_result.hpp"
#include "pulse/base/time.hpp"

namespace pulse::pg {
struct JobKind;
}

namespace pulse::worker {

struct Job {
    int64_t id = 0;
    std::string name, kind, command, schedule;
    std::string time_zone;
    bool enabled = true;
    bool queue = false;  // overlap: run once more immediately after, instead of skipping the run
    int64_t timeout = 0, retry_delay = 0, jitter = 0;  // microseconds; timeout 0: none
    int max_retries = 0;
    std::optional<std::string> runs_as;  // empty: built in, the extension's owner
    Moment anchor = 0;                   // intervals count from here
    std::optional<Moment> next_run, scheduled_for;
    int attempt = 0;  // of the run planned last, counted from 1 once it has begun
    bool running = false;

    const pg::JobKind* built_in_kind = nullptr;  // null: a SQL job

    bool built_in() const { return kind != "sql"; }
};

// The longest pause between two attempts.
inline constexpr int64_t kLongestPause = kHour;

// How long to wait after attempt number `attempt` failed: doubling, with a random share (0 to 1) so that jobs
// which failed together do not come back together.
int64_t Pause(int attempt, int64_t retry_delay, double random);

// When to try again, or nothing: then the schedule goes on.
std::optional<Moment> RetryAt(const Job& job, const RunResult& result, Moment now, double random);

}  // namespace pulse::worker
