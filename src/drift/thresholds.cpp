#include "pulse/drift/thresholds.hpp"

#include <algorithm>
#include <cmath>

#include "pulse/base/json.hpp"
#include "pulse/base/error.hpp"
#include "pulse/base/suggest.hpp"

namespace pulse::drift {

namespace {

struct ThresholdKey {
    const char* name;
    double Thresholds::*field;
    double low, high;
};

// The keys of alertThresholds, and two more for back-tests.
constexpr ThresholdKey kKeys[] = {
    {"sizeChangePercent", &Thresholds::size_change, 0, 1},
    {"distributionShift", &Thresholds::distribution_shift, 0, 1},
    {"conversionAnomaly", &Thresholds::conversion_anomaly, 0, 1},
    {"inactivityCreep", &Thresholds::inactivity_creep, 0, 1},
    {"membershipChurn", &Thresholds::membership_churn, 0, 1},
    {"nullSpike", &Thresholds::null_spike, 0, 1},
    {"value", &Thresholds::value, 0, 1},
    {"slowErosion", &Thresholds::slow_erosion, 0, 1},
    {"slowGrowth", &Thresholds::slow_growth, 0, 1},
    {"pValue", &Thresholds::p_value, 0, 1},
    {"falseDiscoveryRate", &Thresholds::false_discovery_rate, 0, 1},
};

std::vector<std::string> KeyNames() {
    std::vector<std::string> names;
    for (const ThresholdKey& key : kKeys) names.emplace_back(key.name);
    return names;
}

Range ParseRange(const Json& baseline, const char* name) {
    Range range;
    const auto found = baseline.find(name);
    if (found == baseline.end() || !found->is_object()) return range;
    const auto bound = [&](const char* key) -> std::optional<double> {
        const auto value = found->find(key);
        if (value == found->end() || !value->is_number()) return std::nullopt;
        return value->get<double>();
    };
    range.min = bound("min");
    range.max = bound("max");
    return range;
}

}  // namespace

bool Expectations::Watches(const std::string& attribute) const {
    return critical_attributes.empty() || std::find(critical_attributes.begin(), critical_attributes.end(),
                                                    attribute) != critical_attributes.end();
}

void SettleAtCadence(Thresholds& thresholds, int64_t cadence) {
    if (thresholds.settle_after == 0) return;
    thresholds.settle_after =
        static_cast<int>(std::max<int64_t>(thresholds.settle_after, kDay / std::max<int64_t>(cadence, 1)));
    thresholds.settle_time = (thresholds.settle_after - 1) * cadence - cadence / 2;
}

Expectations ParseExpectations(const Json& baseline, Thresholds& thresholds) {
    Expectations expectations;
    if (!baseline.is_object()) return expectations;
    if (const auto found = baseline.find("monitoringEnabled"); found != baseline.end() && found->is_boolean())
        expectations.monitoring = found->get<bool>();
    expectations.size = ParseRange(baseline, "expectedSize");
    expectations.conversion_rate = ParseRange(baseline, "expectedConversionRate");
    if (const auto found = baseline.find("criticalAttributes"); found != baseline.end() && found->is_array())
        for (const Json& name : *found)
            if (name.is_string()) expectations.critical_attributes.push_back(name.get<std::string>());
    if (const auto found = baseline.find("alertThresholds"); found != baseline.end() && found->is_object())
        for (const ThresholdKey& key : kKeys)
            if (const auto value = found->find(key.name); value != found->end() && value->is_number())
                thresholds.*key.field = std::clamp(value->get<double>(), key.low, key.high);
    return expectations;
}

void OverrideThresholds(const Json& overrides, Thresholds& thresholds) {
    if (!overrides.is_object())
        throw UserError(
            sqlstate::kInvalidParameter, "thresholds must be a JSON object",
            "Got " + DumpJson(overrides) + ".",
            "Write for example {\"sizeChangePercent\": 0.2}. " + ListNames(KeyNames(), "Thresholds"));
    for (const auto& item : overrides.items()) {
        const std::string& name = item.key();
        const Json& value = item.value();
        const auto key = std::find_if(std::begin(kKeys), std::end(kKeys),
                                      [&](const ThresholdKey& k) { return name == k.name; });
        if (key == std::end(kKeys))
            throw UserError(sqlstate::kInvalidParameter, "unknown threshold \"" + name + "\"",
                            "The thresholds given are " + DumpJson(overrides) + ".",
                            SuggestName(name, KeyNames(), "Thresholds"));
        if (!value.is_number() || !(value.get<double>() >= key->low && value.get<double>() <= key->high))
            throw UserError(sqlstate::kInvalidParameter,
                            "threshold \"" + name + "\" must be a number between 0 and 1",
                            "The value is " + DumpJson(value) + ".", "1 switches a detector off.");
        thresholds.*key->field = value.get<double>();
    }
}

}  // namespace pulse::drift
