// What health is weighed by, and what the gate asks for. Pure C++.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace pulse::trust {

// How dangerous an action is. kAlways is for what stops things.
enum class Risk { kHigh, kStandard, kConservative, kAlways };
const char* Name(Risk risk);
// Throws UserError 22023 that lists the others.
Risk ReadRisk(const std::string& name);

// A number as people read it: 70, 65.5.
std::string PlainText(double number);

// The defaults are those of Stratum, but for conservative actions, which pass in a healthy state only.
struct TrustSettings {
    // Points of a full score without the part cdp: they add up to 100.
    double emq = 40, freshness = 25, variance = 20, anomaly = 15;
    // Points that the part cdp takes, where it applies; the others share the rest.
    double cdp = 10;
    // The lowest scores of these states; below is unhealthy.
    double healthy = 70, degraded = 40;
    // The lowest scores that pass, and that wait instead of being refused.
    double high = 80, standard = 70, conservative = 70, hold = 40;
    // A state rises after so many evaluations in a row and minutes, each so many points above its threshold.
    double rise_evaluations = 2, rise_minutes = 15, rise_margin = 3;
    // Days that rows are kept; 0: for ever.
    double signal_days = 365, history_days = 365, decision_days = 90;

    // What an action of this risk needs; never below hold.
    double Threshold(Risk risk) const;
    nlohmann::json Json() const;
};

// Puts {"healthy": 75, …} over `settings`; null gives the default of a key back. Throws UserError 22023 for
// an unknown key, a number out of range, points that do not add up, or thresholds out of order.
void ChangeTrustSettings(const nlohmann::json& changes, TrustSettings& settings);
// Reads what Json() wrote, or what others wrote: numbers are brought into their ranges, hold below the rest.
TrustSettings ReadTrustSettings(const nlohmann::json& json);

}  // namespace pulse::trust
