#include "pulse/segment/baseline.hpp"

#include <algorithm>
#include <optional>

#include "pulse/segment/keys.hpp"
#include "pulse/base/error.hpp"
#include "pulse/base/json_object.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/segment/request.hpp"

namespace pulse::segment {

namespace {

// Check that the value is an object with known keys. Returns it without nulls.
Json RequireObject(const Json& value, const std::string& name, const std::vector<std::string>& valid,
                   const char* example) {
    const JsonObject reader(value, {name, {}, {}, &KeysElsewhere()}, valid, example);
    Json object = Json::object();
    for (const auto& [key, item] : value.items())
        if (!item.is_null()) object[key] = item;
    return object;
}

void RequireNumber(const Json& value, const std::string& name, double highest, const std::string& range) {
    if (!value.is_number() || value.get<double>() < 0 || value.get<double>() > highest)
        ThrowInvalid(name + " must be a number " + range, DescribeJson(value), "");
}

Json CheckRange(const Json& value, const std::string& name, double highest, const std::string& bounds) {
    Json range = RequireObject(value, name, {"min", "max"}, "{\"min\": …, \"max\": …}");
    for (const auto& [key, item] : range.items()) RequireNumber(item, name + "." + key, highest, bounds);
    if (range.contains("min") && range.contains("max") &&
        range["min"].get<double>() > range["max"].get<double>())
        ThrowInvalid(name + ".min is above " + name + ".max", DescribeJson(range), "Swap them.");
    return range;
}

void CheckCritical(const Json& value, const std::vector<std::string>& attributes) {
    constexpr const char* kName = "\"criticalAttributes\"";
    if (!value.is_array())
        ThrowInvalid(std::string(kName) + " must be a list of attributes", DescribeJson(value), "");
    for (const Json& item : value) {
        if (!item.is_string())
            ThrowInvalid(std::string("an element of ") + kName + " must be a text", DescribeJson(item), "");
        const std::string name = item.get<std::string>();
        if (std::find(attributes.begin(), attributes.end(), name) == attributes.end())
            ThrowInvalid("critical attribute \"" + name + "\" is not measured", "",
                         attributes.empty() ? "The definition measures no attribute."
                                            : SuggestName(name, attributes, "Attributes measured"));
    }
}

Json CheckThresholds(const Json& value) {
    Json thresholds =
        RequireObject(value, "\"alertThresholds\"", kThresholdKeys, "{\"sizeChangePercent\": 0.2}");
    for (const auto& [key, item] : thresholds.items())
        RequireNumber(item, "alertThresholds." + key, 1, "from 0 to 1 (1 switches the detector off)");
    return thresholds;
}

}  // namespace

Json CheckBaseline(const Json& value, const std::vector<std::string>& attributes) {
    Json baseline = RequireObject(value, "the baseline", kBaselineKeys,
                                  "{\"expectedSize\": {\"min\": 8000, \"max\": 12000}}");
    constexpr double kNoLimit = 1e18;
    if (baseline.contains("expectedSize"))
        baseline["expectedSize"] =
            CheckRange(baseline["expectedSize"], "expectedSize", kNoLimit, "that is not negative");
    if (baseline.contains("expectedConversionRate"))
        baseline["expectedConversionRate"] =
            CheckRange(baseline["expectedConversionRate"], "expectedConversionRate", 1, "from 0 to 1");
    if (baseline.contains("criticalAttributes")) CheckCritical(baseline["criticalAttributes"], attributes);
    if (baseline.contains("monitoringEnabled") && !baseline["monitoringEnabled"].is_boolean())
        ThrowInvalid("\"monitoringEnabled\" must be true or false",
                     DescribeJson(baseline["monitoringEnabled"]), "");
    if (baseline.contains("alertThresholds"))
        baseline["alertThresholds"] = CheckThresholds(baseline["alertThresholds"]);
    return baseline;
}

}  // namespace pulse::segment
