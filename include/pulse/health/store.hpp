// The tables of this room, and the checks at work. For entry code.
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

// How a round of checks went.
struct CheckRound {
    int64_t tables = 0, checks = 0, bad = 0, skipped = 0, failed = 0;
    std::string message;  // for people; names what was skipped or failed
};

// Runs what is due. To be called outside a transaction: remote tables are read with none open here, and each
// table is recorded in a short one of its own.
CheckRound RunDueChecks();

// ---- inside this room ----

// A check of a monitor, as it is kept.
struct StoredCheck {
    int64_t id = 0;
    Check check;
    Json state;
    int64_t every = 0;
    int consecutive_bad = 0;
    std::optional<Moment> bad_since;
    std::vector<PastResult> history;  // volume only
    bool gone = false;                // taken away while it was looked at
};

// A monitor with those of its checks that are to run.
struct MonitorRun {
    int64_t monitor = 0;
    std::string relation;
    source::Access place;
    Moment now = 0;
    std::vector<StoredCheck> checks;
};

// What one check gave, for those who asked.
struct CheckReport {
    CheckType type = CheckType::kVolume;
    std::string relation, check;
    CheckResult result;
    std::optional<int64_t> incident;
};

// The monitors to look at, oldest due first: one of them whatever is due, or all that are. Needs a
// transaction.
std::vector<int64_t> DueMonitors(const std::optional<int64_t>& only, Moment now);
// Locks a monitor and reads its checks; only those due unless `all`. Empty when another session holds it, or
// it is gone.
std::optional<MonitorRun> LoadRun(int64_t monitor, bool all, Moment now, bool lock);

// What was measured of a monitor, before it is judged.
struct RunMeasurements {
    std::vector<Measurement> measurements;   // as MonitorRun::checks
    std::optional<std::string> unavailable;  // the source was not to be had
    std::vector<source::Usage> usages;
};
// Settles where it is read. Empty when that cannot be, which `measured` then says. Needs a transaction.
std::optional<source::Target> FindTarget(const MonitorRun& run, RunMeasurements& measured);
// Reads the table: in the transaction here, or on a server without needing one.
RunMeasurements MeasureRun(const MonitorRun& run, const source::Target& target, const ReadLimits& limits);
ReadLimits ReadLimitsFromSettings(Moment now);

// Judges, keeps results, moves incidents. Needs a transaction.
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
// The id of a monitor by what people call it: with or without its schema. Throws UserError 42704.
int64_t FindMonitor(const std::string& relation, const std::optional<std::string>& source);

// ---- store_mute.cpp ----

int64_t SetMute(const std::string& subject, const std::optional<Moment>& until,
                const std::optional<std::string>& reason, const std::string& actor);
bool EndMute(const std::string& subject);

}  // namespace pulse::health
