#include "pulse/trust/platform_emq.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "pulse/trust/signal_health.hpp"

namespace pulse::trust {

namespace {

struct Corner {
    double x, y;
};

// Straight between the corners, and level outside.
template <size_t n>
double Along(const std::array<Corner, n>& corners, double x) {
    if (std::isnan(x)) return 0;
    if (x <= corners.front().x) return corners.front().y;
    for (size_t i = 1; i < n; ++i)
        if (x <= corners[i].x) {
            const Corner &a = corners[i - 1], &b = corners[i];
            return a.y + (x - a.x) * (b.y - a.y) / (b.x - a.x);
        }
    return corners.back().y;
}

constexpr double kTrendPoints = 2;

struct DriverKind {
    const char* name;
    double weight;
    const char* advice;
};
constexpr DriverKind kDrivers[] = {
    {"match_rate", 0.30, "Send more identifiers with each event: e-mail, phone, external id."},
    {"coverage", 0.25, "Send the events that the platform does not get yet."},
    {"conversion_latency", 0.20, "Send conversions within an hour."},
    {"attribution_accuracy", 0.15, "Find out why the platform and analytics count differently."},
    {"freshness", 0.10, "Record the platform's figures more often."}};

std::array<std::optional<double>, 5> ScoresOf(const PlatformReading& reading) {
    const auto share = [](const std::optional<double>& value) {
        return value ? std::optional(ToScore(*value * 100)) : std::nullopt;
    };
    return {share(reading.match_rate), share(reading.coverage),
            reading.latency ? std::optional(LatencyScore(*reading.latency)) : std::nullopt,
            reading.variance ? std::optional(ToScore(100 - 200 * std::abs(*reading.variance))) : std::nullopt,
            reading.age ? std::optional(PlatformFreshnessScore(*reading.age)) : std::nullopt};
}

const char* TrendOf(const std::optional<double>& now, const std::optional<double>& before) {
    if (!now || !before) return "unknown";
    if (*now > *before + kTrendPoints) return "rising";
    return *now < *before - kTrendPoints ? "falling" : "stable";
}

}  // namespace

double LatencyScore(double hours) {
    return ToScore(Along(std::array<Corner, 5>{{{0, 100}, {1, 90}, {4, 70}, {12, 40}, {24, 0}}}, hours));
}

double PlatformFreshnessScore(int64_t age) {
    if (age < 0) return 0;
    const double hours = static_cast<double>(age) / kHour;
    return ToScore(Along(std::array<Corner, 4>{{{1, 100}, {6, 80}, {24, 40}, {48, 0}}}, hours));
}

PlatformEmq ComputePlatformEmq(const PlatformReading& now, const PlatformReading& before) {
    const auto scores = ScoresOf(now), earlier = ScoresOf(before);
    PlatformEmq emq;
    // Freshness alone says nothing about quality.
    bool any = false;
    for (size_t i = 0; i < std::size(kDrivers); ++i) {
        if (scores[i]) emq.known += kDrivers[i].weight;
        any = any || (scores[i] && i + 1 < std::size(kDrivers));
    }
    double sum = 0;
    for (size_t i = 0; i < std::size(kDrivers); ++i) {
        EmqDriver driver{kDrivers[i].name, scores[i], scores[i] ? kDrivers[i].weight / emq.known : 0,
                         TrendOf(scores[i], earlier[i]), kDrivers[i].advice};
        if (scores[i]) sum += driver.weight * *scores[i];
        emq.drivers.push_back(driver);
    }
    if (!any) return emq;
    emq.score = ToScore(sum);
    emq.band = *emq.score >= 80 ? "reliable" : *emq.score >= 60 ? "directional" : "unsafe";
    return emq;
}

nlohmann::json Json(const std::vector<EmqDriver>& drivers) {
    nlohmann::json list = nlohmann::json::array();
    for (const EmqDriver& driver : drivers)
        list.push_back(
            {{"driver", driver.name},
             {"value", driver.score ? PlainNumber(*driver.score) : nlohmann::json()},
             {"weight", std::round(driver.weight * 10000) / 10000},
             {"contribution", PlainNumber(driver.score ? ToScore(driver.weight * *driver.score) : 0)},
             {"trend", driver.trend},
             {"advice", driver.score && *driver.score >= 80 ? "" : driver.advice}});
    return list;
}

}  // namespace pulse::trust
