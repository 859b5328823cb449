// Histories to test detectors with: days of one segment, built in memory.
#pragma once

#include <initializer_list>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "pulse/drift/incident_tracker.hpp"

namespace pulse::drift::test {

using Values = std::vector<std::pair<std::string, int64_t>>;

class Days {
  public:
    Days() {
        history.distributions = [this](int64_t snapshot) -> const Distributions* {
            const auto found = distributions_.find(snapshot);
            return found == distributions_.end() ? nullptr : &found->second;
        };
    }
    Days(const Days&) = delete;

    // The next day.
    Point& Add(int64_t size) {
        Point& point = history.points.emplace_back();
        point.snapshot = static_cast<int64_t>(history.points.size());
        point.moment = point.snapshot * kDay;
        point.size = size;
        return point;
    }

    // A distribution of the newest day: values by name, the rest of the members null unless `other` has them.
    void Values(const std::string& attribute, const test::Values& values, int64_t other = 0) {
        snapshot::Distribution& d = distributions_[history.points.back().snapshot].emplace_back();
        d.attribute = attribute;
        d.total = history.points.back().size;
        d.other = other;
        d.nulls = d.total - other;
        for (const auto& [label, count] : values) {
            d.nulls -= count;
            if (count == 0) continue;
            d.labels.push_back(label);
            d.counts.push_back(count);
        }
    }

    // Numbers of the newest day, the rest of the members null.
    void Numbers(const std::string& attribute, const std::vector<double>& edges,
                 const std::vector<int64_t>& counts, int64_t nans = 0) {
        snapshot::Distribution& d = distributions_[history.points.back().snapshot].emplace_back();
        d.attribute = attribute;
        d.kind = segment::AttributeKind::kNumeric;
        d.total = history.points.back().size;
        d.nans = nans;
        d.nulls = d.total - nans;
        d.edges = edges;
        d.counts = counts;
        for (const int64_t count : counts) d.nulls -= count;
    }

    DetectionRun Newest(const Thresholds& thresholds = {}, const Expectations& expectations = {},
                        const Exclusions& exclusions = {}) const {
        return Detect(history, history.points.size() - 1, exclusions, expectations, thresholds);
    }

    // Walks all days, as a first check does.
    IncidentTracker Walk(const Thresholds& thresholds = {}, const Expectations& expectations = {}) const {
        IncidentTracker tracker;
        for (size_t i = 0; i < history.points.size(); ++i)
            CheckSnapshot(history, i, expectations, thresholds, tracker);
        return tracker;
    }

    History history;

  private:
    std::map<int64_t, Distributions> distributions_;
};

// The finding of that detector, or null.
inline const Finding* FindingOf(const DetectionRun& run, const std::string& detector,
                                const std::string& attribute = "") {
    for (const DetectorResult& result : run.results)
        if (result.finding.fingerprint == Fingerprint{detector, attribute} && result.material &&
            result.supported)
            return &result.finding;
    return nullptr;
}

inline size_t Findings(const DetectionRun& run) {
    size_t count = 0;
    for (const DetectorResult& result : run.results) count += result.material && result.supported;
    return count;
}

inline std::string SeverityIn(const DetectionRun& run, const std::string& detector,
                              const std::string& attribute = "") {
    const Finding* finding = FindingOf(run, detector, attribute);
    return finding ? Name(finding->severity) : "none";
}

// A fixed pseudo-random number between -1 and 1 with mean 0: noise that is the same everywhere.
inline double Noise(size_t i) {
    uint64_t x = (i + 1) * 0x9E3779B97F4A7C15ULL;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
    return static_cast<double>((x ^ (x >> 31)) >> 11) / static_cast<double>(1ULL << 52) - 1;
}

}  // namespace pulse::drift::test
