// The input of the detectors: a segment's snapshots, ordered by time. Pure C++: the check, the back-test and
// the simulations fill the same structures.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pulse/base/time.hpp"
#include "pulse/drift/finding.hpp"
#include "pulse/drift/forecast.hpp"
#include "pulse/snapshot/distribution.hpp"

namespace pulse::drift {

// One snapshot without its distributions.
struct Point {
    int64_t snapshot = 0;
    Moment moment = 0;
    int version = 1;
    bool ok = true;
    int64_t size = 0;
    std::optional<int64_t> converted, inactive, entered, exited;
    double flow_error = 0;                       // standard error of entered and exited, members
    std::map<std::string, std::string> columns;  // empty when unknown
    std::vector<std::string> missing;            // what could not be measured
    std::string error_state, error;              // of a failed or partial snapshot
};

// How an incident ended.
enum class SpanEnd {
    kOther,    // it is live, or a person closed it
    kPassed,   // the values became normal again: it may belong to a seasonal pattern, such as a weekend
    kSettled,  // its values lasted: they are the normal ones from its beginning on
};

// A closed span of time; an open end reaches into the future.
struct Span {
    Moment from = 0;
    std::optional<Moment> to;
    SpanEnd end = SpanEnd::kOther;
    bool Contains(Moment moment) const { return moment >= from && (!to || moment <= *to); }
    bool operator==(const Span&) const = default;
};

// The times of each fingerprint's incidents: what baselines leave out.
using Exclusions = std::map<Fingerprint, std::vector<Span>>;

using Distributions = std::vector<snapshot::Distribution>;

// Returns the distributions of a snapshot, or null. The pointer is valid until the next call.
using DistributionSource = std::function<const Distributions*(int64_t snapshot)>;

struct PastLevel {
    size_t learnt = 0;  // how many points it knows
    LevelForecast forecast;
};

// The forecaster of sizes after the points before `next`, kept between snapshots: it learns each point once
// as long as the same ones are left out.
struct SizeWalk {
    explicit SizeWalk(Forecaster start) : forecaster(std::move(start)) {}

    std::vector<Span> spans;
    std::optional<Moment> from;    // the baseline's beginning
    std::vector<size_t> points;    // learnt, oldest first
    std::deque<PastLevel> levels;  // after some of the newest of them, a day or more apart, oldest first
    std::optional<Moment> now;     // of the newest point, learnt or left out
    Moment clock = 0;              // what the forecaster takes for that moment: a whole number of steps
    size_t next = 0;
    bool calm = true;  // the newest point was learnt
    Forecaster forecaster;
};

// The newest walk, and the one before the newest points that were left out: when their incident closes, they
// are seen differently, and the walk goes on from there.
struct SizeWalks {
    std::optional<SizeWalk> newest, calm;
};

// The history of one segment, oldest point first.
struct History {
    std::vector<Point> points;
    int64_t cadence = kDay;               // how often a snapshot is due
    std::optional<Moment> baseline_from;  // earlier points are excluded from the baseline
    std::optional<Point> pinned;          // the pinned baseline
    std::vector<Span> muted;              // maintenance windows: their points are in no baseline
    std::string members = "members";      // what texts call them
    NoisePrior noise;  // what segments of its kind show, for the time before its own history does
    DistributionSource distributions;
    mutable SizeWalks size_walks;  // ExpectSize() keeps them
};

}  // namespace pulse::drift
