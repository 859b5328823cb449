#include "pulse/insight/event_quality.hpp"

#include <algorithm>
#include <cmath>

#include "pulse/base/error.hpp"
#include "pulse/base/json.hpp"
#include "pulse/base/suggest.hpp"

namespace pulse::insight {

namespace {

using json = nlohmann::json;

struct QualityKey {
    const char* name;
    double QualitySettings::*field;
};
constexpr QualityKey kQualityKeys[] = {{"contact", &QualitySettings::contact},
                                       {"identifier", &QualitySettings::identifier},
                                       {"properties", &QualitySettings::properties},
                                       {"prompt", &QualitySettings::prompt},
                                       {"soon", &QualitySettings::soon},
                                       {"campaign", &QualitySettings::campaign},
                                       {"user_agent", &QualitySettings::user_agent},
                                       {"ip", &QualitySettings::ip},
                                       {"excellent", &QualitySettings::excellent},
                                       {"good", &QualitySettings::good},
                                       {"fair", &QualitySettings::fair}};

std::vector<std::string> QualityKeyNames() {
    std::vector<std::string> names;
    for (const QualityKey& key : kQualityKeys) names.emplace_back(key.name);
    return names;
}

void CheckSettings(const QualitySettings& settings) {
    const double sum = settings.contact + settings.properties + settings.prompt + settings.context();
    if (std::abs(sum - 100) > 1e-6)
        ThrowInvalid(
            "the points of the parts must add up to 100", "They add up to " + DumpJson(json(sum)) + ".",
            "contact, properties, prompt, campaign, user_agent and ip are the parts of a full score.");
    if (settings.identifier > settings.contact)
        ThrowInvalid("identifier must not give more points than contact",
                     "It gives " + DumpJson(json(settings.identifier)) + ", contact " +
                         DumpJson(json(settings.contact)) + ".",
                     "An e-mail or phone is worth more than another id.");
    if (settings.soon > settings.prompt)
        ThrowInvalid(
            "soon must not give more points than prompt",
            "It gives " + DumpJson(json(settings.soon)) + ", prompt " + DumpJson(json(settings.prompt)) + ".",
            "prompt is within 5 minutes, soon within an hour.");
    if (settings.fair > settings.good || settings.good > settings.excellent)
        ThrowInvalid("the bands must be in order",
                     "fair begins at " + DumpJson(json(settings.fair)) + ", good at " +
                         DumpJson(json(settings.good)) + ", excellent at " +
                         DumpJson(json(settings.excellent)) + ".",
                     "Give fair <= good <= excellent.");
}

double RoundedPoints(double points) {
    return std::round(points * 100) / 100;
}

}  // namespace

json QualitySettings::Json() const {
    json object = json::object();
    for (const QualityKey& key : kQualityKeys) object[key.name] = this->*key.field;
    return object;
}

QualitySettings ReadSettings(const json& object) {
    QualitySettings settings;
    for (const QualityKey& key : kQualityKeys)
        if (const auto found = object.find(key.name); found != object.end() && found->is_number())
            settings.*key.field = found->get<double>();
    return settings;
}

void ChangeSettings(const json& changes, QualitySettings& settings) {
    if (!changes.is_object())
        ThrowInvalid(
            "settings must be a JSON object", "Got " + DumpJson(changes).substr(0, 200) + ".",
            "Write for example {\"contact\": 35, \"ip\": 10}. " + ListNames(QualityKeyNames(), "Settings"));
    for (const auto& item : changes.items()) {
        const auto key = std::find_if(std::begin(kQualityKeys), std::end(kQualityKeys),
                                      [&](const QualityKey& one) { return item.key() == one.name; });
        if (key == std::end(kQualityKeys))
            ThrowInvalid("unknown setting " + InQuotes(item.key().substr(0, 200)), "",
                         SuggestName(item.key(), QualityKeyNames(), "Settings"));
        if (item.value().is_null()) {
            settings.*key->field = QualitySettings().*key->field;
            continue;
        }
        if (!item.value().is_number() ||
            !(item.value().get<double>() >= 0 && item.value().get<double>() <= 100))
            ThrowInvalid(std::string("setting \"") + key->name + "\" must be a number from 0 to 100",
                         "The value is " + DumpJson(item.value()).substr(0, 200) + ".",
                         "null restores its default.");
        settings.*key->field = item.value().get<double>();
    }
    CheckSettings(settings);
}

const char* BandOf(double score, const QualitySettings& settings) {
    return score >= settings.excellent ? "excellent"
           : score >= settings.good    ? "good"
           : score >= settings.fair    ? "fair"
                                       : "poor";
}

json GainsOf(const QualityParts& parts, const QualitySettings& settings) {
    struct Gain {
        const char* part;
        double points;
        const char* advice;
    };
    std::vector<Gain> gains{
        {"identifiers", settings.contact - parts.identifiers,
         "Send an e-mail or phone with pulse_identify(), or in the traits of an identify call."},
        {"properties", settings.properties - parts.properties, "Send properties with the event."},
        {"delay", settings.prompt - parts.delay, "Send events within 5 minutes after they happened."},
        {"context", settings.context() - parts.context,
         "Send context.campaign, context.userAgent and context.ip."}};
    std::stable_sort(gains.begin(), gains.end(),
                     [](const Gain& a, const Gain& b) { return a.points > b.points; });
    json list = json::array();
    for (const Gain& gain : gains)
        if (RoundedPoints(gain.points) > 0)
            list.push_back(
                {{"part", gain.part}, {"points", RoundedPoints(gain.points)}, {"advice", gain.advice}});
    return list;
}

QualityGrouping ParseGrouping(const std::string& by) {
    static const std::vector<std::string> names{"event", "source", "day", "app_version"};
    QualityGrouping grouping;
    for (size_t begin = 0; begin <= by.size();) {
        const size_t end = std::min(by.find(',', begin), by.size());
        std::string name = by.substr(begin, end - begin);
        const size_t first = name.find_first_not_of(" \t\n"), last = name.find_last_not_of(" \t\n");
        name = first == std::string::npos ? "" : name.substr(first, last - first + 1);
        begin = end + 1;
        if (name.empty() && by.find_first_not_of(" \t\n") == std::string::npos) break;
        bool* const field = name == "event"         ? &grouping.event
                            : name == "source"      ? &grouping.source
                            : name == "day"         ? &grouping.day
                            : name == "app_version" ? &grouping.app_version
                                                    : nullptr;
        if (!field)
            ThrowInvalid("quality cannot be grouped by " + InQuotes(name.substr(0, 200)), "",
                         SuggestName(name, names, "Groups"));
        *field = true;
    }
    return grouping;
}

}  // namespace pulse::insight
