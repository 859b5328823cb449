// Figures for monitoring systems. Pure C++.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace pulse {

// A histogram has samples with the suffixes _bucket (label "le"), _sum and _count.
enum class MetricType { kGauge, kCounter, kHistogram };

inline const char* Name(MetricType type) {
    switch (type) {
        case MetricType::kCounter: return "counter";
        case MetricType::kHistogram: return "histogram";
        default: return "gauge";
    }
}

struct MetricSample {
    std::vector<std::pair<std::string, std::string>> labels;
    double value = 0;
    std::string suffix = {};
};

// The samples of one name. The name of a counter ends with _total, that of a family with a unit with the
// unit (before _total).
struct MetricFamily {
    std::string name;
    MetricType type = MetricType::kGauge;
    std::string help, unit;
    std::vector<MetricSample> samples;
};

}  // namespace pulse
