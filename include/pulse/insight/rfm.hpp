// Scores of recency, frequency and monetary value, and the eleven groups that they form. Pure C++.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pulse/rule/metric.hpp"

namespace pulse::insight {

inline constexpr int kScores = 5;                         // 1 (worst) to 5
inline constexpr int kMinWindow = 30, kMaxWindow = 1095;  // days
inline constexpr size_t kRfmGroups = 11;

// A group with what to do about its people.
struct RfmGroup {
    const char* name;
    const char* advice;
};
// From the best to the worst.
const std::array<RfmGroup, kRfmGroups>& RfmGroups();

// How scores become groups: by the rules of Stratum in an order in which every group occurs, or by the
// published table of 125 codes.
enum class RfmGrouping { kRules, kPublished };
const char* Name(RfmGrouping grouping);
std::optional<RfmGrouping> FindRfmGrouping(std::string_view name);

// The index of the group of scores from 1 to 5.
size_t GroupOf(RfmGrouping grouping, int recency, int frequency, int monetary);

// The borders of the scores 5, 4, 3 and 2 as decimal numbers: days at most for recency, at least so many or
// so much for the others. An empty one is a score that nobody can have.
using RfmCuts = std::array<std::optional<std::string>, kScores - 1>;

struct RfmSettings {
    std::string event = "Purchase", property = "total";  // a path: order.total
    int window_days = 365;
    RfmGrouping grouping = RfmGrouping::kRules;
    bool quintiles = false;
    RfmCuts recency{"7", "30", "90", "180"}, frequency{"20", "10", "5", "2"},
        monetary{"1000", "500", "200", "50"};

    bool operator==(const RfmSettings&) const = default;
};

// The metrics behind the scores: all of the same event and window.
struct RfmMetrics {
    rule::Metric last, count, sum;
};
RfmMetrics MetricsOf(const RfmSettings& settings);

// The names below "rfm.": recency, frequency, monetary, score, group.
const std::vector<std::string>& RfmNames();
// The rule that a name stands for. It has no value for a person without such an event in the window.
std::string RfmRule(const RfmSettings& settings, std::string_view name);

}  // namespace pulse::insight
