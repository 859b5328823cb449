// The input of the detectors: a segment's snapshots, ordered by time. Pure C++: the check, the back-test and
// the simulations fill the same structures.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pulse/base/time.hpp"
#include "pulse/drift/finding.hpp"
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
    std::string error_state, error;              // of a failed snapshot
};

// A closed span of time; an open end reaches into the future.
struct Span {
    Moment from = 0;
    std::optional<Moment> to;
    bool passed_by_itself = false;  // may belong to a seasonal pattern, such as a weekend
    bool Contains(Moment moment) const { return moment >= from && (!to || moment <= *to); }
};

// The times of each fingerprint's incidents: points in them are excluded from baselines.
using Exclusions = std::map<Fingerprint, std::vector<Span>>;

using Distributions = std::vector<snapshot::Distribution>;

// Returns the distributions of a snapshot, or null. The pointer is valid until the next call.
using DistributionSource = std::function<const Distributions*(int64_t snapshot)>;

// The history of one segment, oldest point first.
struct History {
    std::vector<Point> points;
    int64_t cadence = kDay;               // how often a snapshot is due
    std::optional<Moment> baseline_from;  // earlier points are excluded from the baseline
    std::optional<Point> pinned;          // the pinned baseline
    DistributionSource distributions;
};

}  // namespace pulse::drift
