// Which elements of a dimension carry a change.
#pragma once

#include <span>
#include <vector>

#include "pulse/drift/statistics/status.hpp"

namespace pulse::drift::statistics {

// Adtributor (Bhagwan et al., NSDI 2014). Per element, in the order given.
struct Attribution {
    StatisticStatus status =
        StatisticStatus::kInsufficientData;  // kConstant: the total did not change, explained is 0
    std::vector<double>
        explained;  // share of the total change; sums to 1, single elements may lie outside 0…1
    std::vector<double> surprise;  // how much the element's share of the total moved (Jensen–Shannon, nats)
    double total_surprise = 0;
};
// An additive figure: forecast and actual per element.
Attribution Attribute(std::span<const double> forecast, std::span<const double> actual);

// A ratio Σ numerator ÷ Σ denominator, e.g. conversion.
struct RatioAttribution {
    StatisticStatus status = StatisticStatus::kInsufficientData;
    std::vector<double> raw;        // change of the ratio if only this element had moved
    std::vector<double> explained;  // normalised to sum to 1
    double forecast = 0, actual = 0;
};
RatioAttribution AttributeRatio(std::span<const double> forecast_numerator,
                                std::span<const double> forecast_denominator,
                                std::span<const double> actual_numerator,
                                std::span<const double> actual_denominator);

// A weighted rate Σ wᵢ rᵢ: how much came from the rates inside the elements and how much from the mix of
// elements.
struct MixRate {
    StatisticStatus status = StatisticStatus::kInsufficientData;
    double change = 0;
    std::vector<double> rate_effect, mix_effect;  // sum to change when both weights sum to the same
};
MixRate DecomposeRate(std::span<const double> weights_before, std::span<const double> rates_before,
                      std::span<const double> weights_after, std::span<const double> rates_after);

}  // namespace pulse::drift::statistics
