// The baseline of a snapshot: which earlier points it uses, and the expected value. Pure C++.
#pragma once

#include <initializer_list>
#include <optional>
#include <vector>

#include "pulse/drift/history.hpp"
#include "pulse/drift/thresholds.hpp"

namespace pulse::drift {

// Which points an exclusion keeps out.
enum class Admit {
    kQuiet,   // no point of any incident
    kRhythm,  // those of incidents that passed by themselves come back: a weekend is a part of the rhythm
};

// The indexes of up to `limit` points before `index` that may be a baseline of any of the fingerprints;
// newest first.
std::vector<size_t> BaselinePoints(const History& history, size_t index, const Exclusions& exclusions,
                                   std::initializer_list<Fingerprint> fingerprints, size_t limit,
                                   Admit admit);

// Seasons worth a try at that cadence, in points: a week of days; a day and a week of hours; none otherwise.
std::vector<int> Seasons(int64_t cadence);

// The position of a point on the grid of snapshots that are due, counted from `origin`.
int64_t Slot(Moment moment, Moment origin, int64_t cadence);

// Whether the point is as far into the season as the origin is.
bool SamePhase(Moment moment, Moment origin, int64_t cadence, int season);

// What the size should be: a level, and the noise around it on the logarithmic scale.
struct Expectation {
    BaselineKind kind = BaselineKind::kPrevious;
    double level = 0;            // members
    double sigma = 0;            // standard deviation of log(observed / level) as predicted
    double dof = 0;              // of Student's t; 0 = normal
    int season = 0;              // points; 0 = none
    bool trend = false;          // the level follows a trend
    std::vector<size_t> points;  // newest first
};

// The expected size at `index`; empty without a baseline.
std::optional<Expectation> ExpectSize(const History& history, size_t index, const Exclusions& exclusions,
                                      const Thresholds& thresholds);

// Up to 8 points whose distributions make the baseline of an attribute, newest first: the pinned one is not
// among them.
std::vector<size_t> AttributePoints(const History& history, size_t index, const Exclusions& exclusions,
                                    const std::string& attribute, int season);

// Whether the pinned snapshot is the baseline of this point.
bool UsesPin(const History& history, size_t index);

// The snapshots whose distributions a check of `index` reads, so that many are loaded at once.
std::vector<int64_t> NeededSnapshots(const History& history, size_t index, const Exclusions& exclusions,
                                     const Thresholds& thresholds);

}  // namespace pulse::drift
