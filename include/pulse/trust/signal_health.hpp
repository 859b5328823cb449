// The score of signal health: its parts, the formulas, and how a state rises and falls. Pure C++.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "pulse/base/time.hpp"
#include "pulse/trust/trust_settings.hpp"

namespace pulse::trust {

// ---- the formulas: any number gives a score from 0 to 100 ----

// Within 0 to 100 and rounded to hundredths; what is not a number is 0.
double ToScore(double number);

// Up to 24 hours 100, from there in a line to 0 at 48 hours. What is from the future is not fresh.
double FreshnessScore(int64_t age);

// |platform - analytics| / analytics; both 0: 0, analytics 0: 1. At most 1,000.
double AttributionVariance(double platform, double analytics);
double VarianceScore(double variance);
// healthy below 5 %, minor below 10 %, moderate up to 15 %, else high.
const char* VarianceBand(double variance);

// How many past values it takes to tell what is normal.
inline constexpr size_t kLeastPast = 7;
// More than three population deviations from the mean of at least kLeastPast values; where these are all
// equal, any other value.
bool IsAnomalous(const std::vector<double>& past, double value);
double AnomalyScore(double share);

// Shares of people from 0 to 1.
double KnownShareScore(double share);
double ConsentShareScore(double share);
double RecencyScore(int64_t events_in_a_day);

// ---- what is known of a scope ----

struct EmqReading {
    std::string platform, account;
    double value = 0;  // 0 to 10
    int64_t age = 0;
};

// Something that the scope reads, and how old what is known of it is.
struct FreshnessInput {
    std::string what;
    std::optional<int64_t> age;  // empty: unknown
    std::string unknown;         // the sentence that says why
};

struct AttributionReading {
    std::string platform, account, metric;  // revenue or conversions
    double platform_value = 0, analytics_value = 0;
    int64_t age = 0;
};

struct SeriesReading {
    std::string name, source, entity;
    double value = 0;
    std::vector<double> past;
    int64_t age = 0;
};

struct OpenIncident {
    int64_t id = 0;
    std::string subject, detector, severity;
};

struct CdpFacts {
    std::optional<double> emq, emq_least, emq_deviation;  // of events, by their numbers
    std::optional<double> known_share, consent_share;
    std::optional<int64_t> events_in_a_day;
    int64_t age = 0;
};

struct HealthFacts {
    bool everything = false;   // the scope is all: single incidents count by their share only
    bool ad_platform = false;  // the parts emq and variance apply
    bool people = false;       // the part cdp applies
    std::vector<EmqReading> emq;
    std::vector<FreshnessInput> freshness;
    std::vector<AttributionReading> attribution;
    std::optional<double> past_variance;  // where there is no reading: the mean of older ones
    std::vector<SeriesReading> series;
    std::vector<OpenIncident> incidents;
    int64_t watched = 0;  // segments, tables and events that are checked, with and without incidents
    std::vector<std::string> unwatched;  // those that are not
    std::optional<CdpFacts> cdp;
    std::vector<std::string> notes;  // sentences that change no score
};

// ---- the score ----

struct HealthPart {
    const char* name = "";
    bool applies = true;
    double value = 0, weight = 0;     // the weight is its share of the score, from 0 to 1
    bool assumed = false;             // nothing is known: the value is that of the setting
    std::optional<int64_t> age = {};  // of the newest evidence
    nlohmann::json evidence = nlohmann::json::object();
    std::vector<std::string> issues = {};
};

enum class HealthStatus { kUnhealthy, kDegraded, kHealthy, kUnknown };
const char* Name(HealthStatus status);
// Unknown for another name.
HealthStatus ReadHealthStatus(const std::string& name);

struct Health {
    double score = 0;
    HealthStatus status = HealthStatus::kUnknown;  // of this score by itself
    double assumed = 1;                            // the share of the weight that is assumed
    std::vector<HealthPart> parts;                 // emq, freshness, variance, anomaly, cdp
    std::vector<std::string> issues;
};

Health ScoreHealth(const HealthFacts& facts, const TrustSettings& settings);
HealthStatus StatusOf(double score, const TrustSettings& settings);
nlohmann::json Json(const std::vector<HealthPart>& parts);

// ---- the state: falls at once, rises slowly and one step at a time ----

struct HeldStatus {
    HealthStatus level = HealthStatus::kUnknown;  // the last known one; unknown: none yet
    std::optional<Moment> rising_since;
    int rising = 0;  // evaluations in a row
    bool operator==(const HeldStatus&) const = default;
};

// The state after another evaluation.
HeldStatus Hold(const HeldStatus& before, const Health& health, Moment now, const TrustSettings& settings);
// The score that counts: not above what the state allows.
double HeldScore(const HeldStatus& held, const Health& health, const TrustSettings& settings);
// The state that is shown.
HealthStatus ShownStatus(const HeldStatus& held, const Health& health);

}  // namespace pulse::trust
