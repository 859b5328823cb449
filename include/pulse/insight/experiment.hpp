// The answer of an experiment, from what was counted. Pure C++.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pulse/base/time.hpp"
#include "pulse/insight/event_condition.hpp"
#include "pulse/insight/experiment_statistics.hpp"

namespace pulse::insight {

// What is compared.
struct ExperimentMetric {
    enum class Kind : uint8_t {
        kConversion,  // who has such an event after the exposure
        kCount,       // the number of these events per person
        kSum,         // the sum of a property of theirs per person
        kValue        // a number of each person now
    };
    Kind kind = Kind::kConversion;
    std::string name;
    EventCondition event;
    std::vector<std::string> property;  // of kSum
    std::string value;                  // of kValue: an expression over people
    int64_t within = 0;                 // microseconds after the exposure; 0: until the end
    bool higher_is_better = true;
};

// Read a metric: the name of an event, or an object with the keys event, where, within, sum or count; or
// value; and name and good ("up", "down"). Throws UserError 22023.
ExperimentMetric ReadExperimentMetric(const nlohmann::json& json, const std::string& place);
// From text: the name of an event, or JSON if it begins with a brace.
ExperimentMetric ReadExperimentMetric(const std::string& text);

// What was counted of one variant.
struct VariantFigures {
    int64_t people = 0;       // whose figure is known
    int64_t with_events = 0;  // who have such an event: of a conversion, who converted
    double mean = 0, variance = 0;
};

struct MetricFigures {
    ExperimentMetric metric;
    std::map<std::string, VariantFigures> variants;
    int64_t waiting = 0;  // people whose time after the exposure is not over
};

struct ExperimentFigures {
    std::string flag, control;
    std::optional<Moment> since, until;  // since <= exposure and event < until
    Moment as_of = 0;
    double confidence = 0.95;
    int64_t least_people = 100;
    std::map<std::string, int64_t> people;  // by variant
    int64_t several_variants = 0;           // people who saw more than one
    int64_t unknown = 0;                    // people who have no profile, and so no events
    std::map<std::string, double> split;    // intended weights
    std::string no_split;                   // why they are not known; empty: they are
    std::vector<MetricFigures> metrics;     // the first is the metric, the others guardrails
    int64_t smallest_group = 0;             // figures of fewer people are hidden
};

// A sample ratio with a smaller p-value cannot be trusted (Fabijan et al. 2019).
inline constexpr double kSampleRatioP = 0.001;

nlohmann::json WriteExperiment(const ExperimentFigures& figures);

}  // namespace pulse::insight
