#include "pulse/trust/trust_settings.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "pulse/base/error.hpp"
#include "pulse/base/json.hpp"
#include "pulse/base/suggest.hpp"

namespace pulse::trust {

namespace {

using json = nlohmann::json;

struct TrustKey {
    const char* name;
    double TrustSettings::*field;
    double least, most;
};
constexpr TrustKey kTrustKeys[] = {{"emq", &TrustSettings::emq, 0, 100},
                                   {"freshness", &TrustSettings::freshness, 0, 100},
                                   {"variance", &TrustSettings::variance, 0, 100},
                                   {"anomaly", &TrustSettings::anomaly, 0, 100},
                                   {"cdp", &TrustSettings::cdp, 0, 50},
                                   {"healthy", &TrustSettings::healthy, 0, 100},
                                   {"degraded", &TrustSettings::degraded, 0, 100},
                                   {"high", &TrustSettings::high, 0, 100},
                                   {"standard", &TrustSettings::standard, 0, 100},
                                   {"conservative", &TrustSettings::conservative, 0, 100},
                                   {"hold", &TrustSettings::hold, 0, 100},
                                   {"rise_evaluations", &TrustSettings::rise_evaluations, 1, 100},
                                   {"rise_minutes", &TrustSettings::rise_minutes, 0, 10080},
                                   {"rise_margin", &TrustSettings::rise_margin, 0, 30},
                                   {"signal_days", &TrustSettings::signal_days, 0, 3650},
                                   {"history_days", &TrustSettings::history_days, 0, 3650},
                                   {"decision_days", &TrustSettings::decision_days, 0, 3650}};

std::vector<std::string> TrustKeyNames() {
    std::vector<std::string> names;
    for (const TrustKey& key : kTrustKeys) names.emplace_back(key.name);
    return names;
}

// 0.1 instead of 0.10000000000000001, and 70 instead of 70.0.
json PlainNumber(double number) {
    if (number == std::floor(number) && std::abs(number) < 1e15) return static_cast<int64_t>(number);
    return number;
}

void CheckTrustSettings(const TrustSettings& settings) {
    const double sum = settings.emq + settings.freshness + settings.variance + settings.anomaly;
    if (std::abs(sum - 100) > 1e-6)
        ThrowInvalid("the points of emq, freshness, variance and anomaly must add up to 100",
                     "They add up to " + PlainText(sum) + ".",
                     "cdp is on top: where it applies, the four share what it leaves.");
    if (settings.degraded > settings.healthy)
        ThrowInvalid("the states must be in order",
                     "degraded begins at " + PlainText(settings.degraded) + ", healthy at " +
                         PlainText(settings.healthy) + ".",
                     "Give degraded <= healthy.");
    const double least = std::min({settings.high, settings.standard, settings.conservative});
    if (settings.hold > least)
        ThrowInvalid("hold must not be above what passes",
                     "hold is " + PlainText(settings.hold) +
                         ", the lowest of high, standard and conservative " + PlainText(least) + ".",
                     "Give hold <= conservative <= standard <= high.");
}

}  // namespace

std::string PlainText(double number) {
    return DumpJson(PlainNumber(std::round(number * 10000) / 10000));
}

const char* Name(Risk risk) {
    switch (risk) {
        case Risk::kStandard: return "standard";
        case Risk::kConservative: return "conservative";
        case Risk::kAlways: return "always";
        case Risk::kHigh: break;
    }
    return "high";
}

Risk ReadRisk(const std::string& name) {
    for (const Risk risk : {Risk::kHigh, Risk::kStandard, Risk::kConservative, Risk::kAlways})
        if (name == Name(risk)) return risk;
    ThrowInvalid("\"risk\" is unknown", "It is " + InQuotes(name.substr(0, 80)) + ".",
                 "Give high, standard or conservative.");
}

double TrustSettings::Threshold(Risk risk) const {
    switch (risk) {
        case Risk::kStandard: return std::max(standard, hold);
        case Risk::kConservative: return std::max(conservative, hold);
        case Risk::kAlways: return 0;
        case Risk::kHigh: break;
    }
    return std::max(high, hold);
}

json TrustSettings::Json() const {
    json object = json::object();
    for (const TrustKey& key : kTrustKeys) object[key.name] = PlainNumber(this->*key.field);
    return object;
}

TrustSettings ReadTrustSettings(const json& object) {
    TrustSettings settings;
    for (const TrustKey& key : kTrustKeys) {
        const auto found = object.find(key.name);
        if (found == object.end() || !found->is_number()) continue;
        const double number = found->get<double>();
        if (std::isfinite(number)) settings.*key.field = std::clamp(number, key.least, key.most);
    }
    settings.degraded = std::min(settings.degraded, settings.healthy);
    settings.hold = std::min({settings.hold, settings.high, settings.standard, settings.conservative});
    return settings;
}

void ChangeTrustSettings(const json& changes, TrustSettings& settings) {
    if (!changes.is_object())
        ThrowInvalid(
            "settings must be a JSON object", "Got " + DumpJson(changes).substr(0, 200) + ".",
            "Write for example {\"healthy\": 75, \"high\": 85}. " + ListNames(TrustKeyNames(), "Settings"));
    for (const auto& item : changes.items()) {
        const auto key = std::find_if(std::begin(kTrustKeys), std::end(kTrustKeys),
                                      [&](const TrustKey& one) { return item.key() == one.name; });
        if (key == std::end(kTrustKeys))
            ThrowInvalid("unknown setting " + InQuotes(item.key().substr(0, 200)), "",
                         SuggestName(item.key().substr(0, 200), TrustKeyNames(), "Settings"));
        if (item.value().is_null()) {
            settings.*key->field = TrustSettings().*key->field;
            continue;
        }
        const double number = item.value().is_number() ? item.value().get<double>() : -1;
        if (!(number >= key->least && number <= key->most))
            ThrowInvalid(std::string("setting \"") + key->name + "\" must be a number from " +
                             PlainText(key->least) + " to " + PlainText(key->most),
                         "The value is " + DumpJson(item.value()).substr(0, 200) + ".",
                         "null restores its default.");
        settings.*key->field = number;
    }
    CheckTrustSettings(settings);
}

}  // namespace pulse::trust
