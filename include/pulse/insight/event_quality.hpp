// The quality of events: how its points are given, and what would raise it. Pure C++.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace pulse::insight {

// The points of each part, and the lowest score of each band. The defaults are those of Stratum.
struct QualitySettings {
    double contact = 40;                          // the person has an e-mail or phone
    double identifier = 20;                       // the person has other ids only
    double properties = 25;                       // the event has properties
    double prompt = 20;                           // received within 5 minutes
    double soon = 10;                             // received within an hour
    double campaign = 5, user_agent = 5, ip = 5;  // they are in the context
    double excellent = 80, good = 60, fair = 40;

    double context() const { return campaign + user_agent + ip; }
    nlohmann::json Json() const;
};

// Puts {"contact": 35, …} over `settings`; null gives the default of a key back. Throws UserError 22023 for
// an unknown key, a number out of range, parts that do not add up to 100, or bands out of order.
void ChangeSettings(const nlohmann::json& changes, QualitySettings& settings);
// Reads what Json() wrote.
QualitySettings ReadSettings(const nlohmann::json& json);

// "excellent", "good", "fair" or "poor".
const char* BandOf(double score, const QualitySettings& settings);

// The mean points of each part.
struct QualityParts {
    double identifiers = 0, properties = 0, delay = 0, context = 0;
    double score() const { return identifiers + properties + delay + context; }
};

// What the parts lack, the most first: [{"part": "identifiers", "points": 17.5, "advice": "…"}].
nlohmann::json GainsOf(const QualityParts& parts, const QualitySettings& settings);

// What quality is grouped by: event, source, day, app_version.
struct QualityGrouping {
    bool event = false, source = false, day = false, app_version = false;
};
// Reads "event, source". Throws UserError 22023 that names what is valid.
QualityGrouping ParseGrouping(const std::string& by);

}  // namespace pulse::insight
