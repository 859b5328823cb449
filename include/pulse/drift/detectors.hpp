// All detectors over one point of a history. Pure C++.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "pulse/drift/history.hpp"
#include "pulse/drift/thresholds.hpp"

namespace pulse::drift {

// The results of all detectors on one snapshot.
struct DetectionRun {
    std::vector<DetectorResult> results;                      // one per test
    bool too_young = false;                                   // no earlier snapshot to compare with
    std::vector<std::pair<std::string, std::string>> failed;  // detector and reason; the other detectors ran
};

// Tests history.points[index] against its baseline. Nothing is decided about false discoveries here.
DetectionRun Detect(const History& history, size_t index, const Exclusions& exclusions,
                    const Expectations& expectations, const Thresholds& thresholds);

}  // namespace pulse::drift
