// Monitors, checks and mutes in the database. For entry code.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "pulse/health/evaluate_check.hpp"
#include "pulse/health/suggest.hpp"
#include "pulse/pg/convert.hpp"
#include "pulse/source/reader.hpp"

namespace pulse::health {

// ---- store_check.cpp: what the worker calls ----

// The result of a round of checks.
struct CheckRound {
    int64_t tables = 0, checks = 0, bad = 0, skipped = 0, failed = 0;
    std::string message;  // names what was skipped or failed
};

// Runs the checks that are due. Must be called outside a transaction: remote tables are read without an open
// one, and each table's results are stored in a short one of its own.
CheckRound RunDueChecks();

// ---- inside this room ----

// A check of a monitor, as it is stored.
struct StoredCheck {
    int64_t id = 0;
    Check check;
    Json state;
    int64_t every = 0;
    int consecutive_bad = 0;
    std::optional<Moment> bad_since;
    std::vector<PastResult> history;  // volume only
    int empty_weeks = 0;              // freshness, volume
    bool gone = false;                // removed while it ran
};

// A monitor with those of its checks that are to run.
struct MonitorRun {
    int64_t monitor = 0;
    std::string relation;
    source::Access place;
    Moment now = 0;
    std::vector<StoredCheck> checks;
};

// The result of one check, for the caller.
struct CheckReport {
    CheckType type = CheckType::kVolume;
    std::string relation, check;
    CheckResult result;
    std::optional<int64_t> incident;
};

// The monitors to run, oldest due first: `only`, whether due or not, or all that are due. Needs a
// transaction.
// Make all checks of a table due now, for the job. `no_worker` says why no worker will run them, if so.
// Throws UserError 42704.
struct RequestedCheck {
    int64_t checks = 0;
    std::optional<std::string> no_worker;
};
RequestedCheck RequestCheck(const std::string& relation, const std::optional<std::string>& source);

std::vector<int64_t> DueMonitors(const std::optional<int64_t>& only, Moment now);
// Note whether monitors that a user touches at `now` are replayed: it is far in the past, and so is their
// last check. The job, which lives in the present, leaves them alone, so that their history is of one time.
void NoteClock(const std::vector<int64_t>& monitors, Moment now);
// Locks a monitor and reads its checks; only those due unless `all`. Empty when another session holds it, or
// it is gone.
std::optional<MonitorRun> LoadRun(int64_t monitor, bool all, Moment now, bool lock);

// The measurements of a monitor's checks, before they are evaluated.
struct RunMeasurements {
    std::vector<CheckMeasurement> measurements;  // as MonitorRun::checks
    std::optional<std::string> unavailable;      // why the source could not be read
    std::vector<source::Usage> usages;
};
// Finds where to read. Empty when the source is unavailable; `measured` then has the reason. Needs a
// transaction.
std::optional<source::Target> FindTarget(const MonitorRun& run, RunMeasurements& measured);
// Reads the table: here in the current transaction, on a server without one.
RunMeasurements MeasureRun(const MonitorRun& run, const source::Target& target, const ReadLimits& limits);
ReadLimits ReadLimitsFromSettings(Moment now);

// Evaluates the measurements, stores the results, updates incidents. Needs a transaction.
std::vector<CheckReport> StoreResults(const MonitorRun& run, const RunMeasurements& measured);

// ---- store_monitor.cpp ----

struct MonitorSpec {
    std::string relation;
    std::optional<std::string> source;
    std::optional<Json> checks;
    int64_t every = 5 * kMinute;
    std::optional<std::string> owner;
    std::optional<std::vector<std::string>> tags;
};
int64_t SaveMonitor(const MonitorSpec& spec);
void RemoveMonitor(const std::string& relation, const std::optional<std::string>& source);
std::vector<Suggestion> SuggestFor(const std::string& relation, const std::optional<std::string>& source);
// The id of a monitor by its relation, with or without the schema. Throws UserError 42704.
int64_t FindMonitor(const std::string& relation, const std::optional<std::string>& source);

// ---- store_mute.cpp ----

int64_t SetMute(const std::string& subject, const std::optional<Moment>& until,
                const std::optional<std::string>& reason, const std::string& actor);
bool EndMute(const std::string& subject);

}  // namespace pulse::health
