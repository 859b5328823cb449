// Thresholds of the detectors and of significance: the settings, overridden by the segment's own. Pure C++.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pulse/drift/finding.hpp"

namespace pulse::drift {

// From this value on a threshold switches its detector off.
inline constexpr double kSwitchedOff = 1.0;

// The defaults are those of the settings pulse.*.
struct Thresholds {
    double size_change = 0.15;         // relative
    double distribution_shift = 0.20;  // total variation distance
    double conversion_anomaly = 0.25;  // relative
    double inactivity_creep = 0.30;    // relative
    double membership_churn = 0.30;    // rise of the replaced share
    double null_spike = 0.05;          // change of the share of null, or of NaN
    double value = 0.02;               // share of a value that appeared or vanished
    double slow_erosion = 0.10;        // relative loss over the window
    double slow_growth = 0.15;         // relative rise over the window, beyond the growth of before
    double p_value = 0.001;            // per finding
    double false_discovery_rate = 0.05;
    int baseline_window = 28;  // snapshots
    int min_history = 7;       // snapshots before a segment's noise counts as known
    int resolve_after = 2;     // normal snapshots in a row
    int settle_after = 7;  // snapshots since an incident became worse until its values are normal; 0 = never
    int64_t settle_time = 0;  // and at least so long after it began
    int64_t reopen_within = 3 * kDay;
};

// Fits settling to a cadence: at least a day of snapshots, and about as long as so many that are on time
// take.
void SettleAtCadence(Thresholds& thresholds, int64_t cadence);

struct Range {
    std::optional<double> min, max;
};

// The baseline object of a segment.
struct Expectations {
    bool monitoring = true;
    Range size, conversion_rate;
    std::vector<std::string> critical_attributes;  // empty: all
    // Whether the attribute is monitored.
    bool Watches(const std::string& attribute) const;
};

// Reads a segment's baseline object; its alertThresholds override `thresholds`. Unknown keys are ignored
// here: setting the object refuses them.
Expectations ParseExpectations(const Json& baseline, Thresholds& thresholds);

// Puts {"sizeChangePercent": 0.2, "pValue": 0.01, …} over `thresholds`; an unknown key or a value out of
// range is a UserError.
void OverrideThresholds(const Json& overrides, Thresholds& thresholds);

}  // namespace pulse::drift
