// The baseline of a snapshot: which earlier points it uses, and the expected value. Pure C++.
#pragma once

#include <initializer_list>
#include <optional>
#include <vector>

#include "pulse/drift/forecast.hpp"
#include "pulse/drift/history.hpp"
#include "pulse/drift/thresholds.hpp"

namespace pulse::drift {

// Since when the newest values of that fingerprint are the normal ones: its newest incident that has settled.
std::optional<Moment> SettledFrom(const Exclusions& exclusions, const Fingerprint& fingerprint);

// The indexes of up to `limit` points before `index` that may be a baseline of any of the fingerprints;
// newest first.
std::vector<size_t> BaselinePoints(const History& history, size_t index, const Exclusions& exclusions,
                                   std::initializer_list<Fingerprint> fingerprints, size_t limit);

// Seasons worth a try at that cadence, in points, the shortest first: a day and a week of hours, a week of
// days, a year of weeks, a year of months; none otherwise.
std::vector<int> Seasons(int64_t cadence);

// How many points the baseline of the newest may need, itself included.
int64_t HistoryDepth(int64_t cadence, const Thresholds& thresholds);

// The position of a point on the grid of snapshots that are due, counted from `origin`.
int64_t Slot(Moment moment, Moment origin, int64_t cadence);

// Whether the point is as far into the season as the origin is.
bool SamePhase(Moment moment, Moment origin, int64_t cadence, int season);

// How many snapshots make a day; 1 where they are rarer.
size_t SnapshotsADay(int64_t cadence);

// Of how many snapshots the slowest change is that the detectors look for; of how many days where a day has
// more than one.
inline constexpr size_t kSlowestChange = 28;

// What the size should be.
struct Expectation {
    BaselineKind kind = BaselineKind::kPrevious;
    double level = 0;               // members
    Forecast forecast;              // of the logarithm of the size
    size_t points = 0;              // that it was learnt from
    size_t oldest = 0, newest = 0;  // of them

    int season() const { return forecast.best().season; }
};

// Gives each history the noise that those of its cadence show, for as long as it has none of its own.
void ShareNoise(std::vector<History>& histories);

// The expected size at `index`; empty without a baseline.
std::optional<Expectation> ExpectSize(const History& history, size_t index, const Exclusions& exclusions,
                                      const Thresholds& thresholds);

// Whether there were incidents of the attribute; without, its baseline is that of any other such attribute.
bool Mentions(const Exclusions& exclusions, const std::string& attribute);

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
