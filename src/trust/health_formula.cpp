// The formulas of signal health.
#include <algorithm>
#include <cmath>

#include "pulse/trust/signal_health.hpp"

namespace pulse::trust {

namespace {

// Through (x0, y0) and (x1, y1).
double Line(double x, double x0, double y0, double x1, double y1) {
    return y0 + (x - x0) * (y1 - y0) / (x1 - x0);
}

// 0 at 0, 50 at `half`, 100 from `full` on.
double ShareScore(double share, double half, double full) {
    if (!(share > 0)) return 0;
    if (share >= full) return 100;
    return share >= half ? Line(share, half, 50, full, 100) : Line(share, 0, 0, half, 50);
}

}  // namespace

double ToScore(double number) {
    if (std::isnan(number)) return 0;
    return std::round(std::clamp(number, 0.0, 100.0) * 100) / 100;
}

double FreshnessScore(int64_t age) {
    if (age < 0) return 0;
    if (age <= kDay) return 100;
    return ToScore(Line(static_cast<double>(age), kDay, 100, 2.0 * kDay, 0));
}

double AttributionVariance(double platform, double analytics) {
    constexpr double kMost = 1000;
    if (!std::isfinite(platform) || !std::isfinite(analytics)) return kMost;
    if (analytics == 0) return platform == 0 ? 0 : 1;
    const double variance = std::abs(platform / analytics - 1);
    return std::isfinite(variance) ? std::min(variance, kMost) : kMost;
}

double VarianceScore(double variance) {
    if (std::isnan(variance)) return 0;
    const double v = std::abs(variance);
    if (v <= 0.10) return 100;
    if (v < 0.15) return ToScore(Line(v, 0.10, 100, 0.15, 70));
    return ToScore(100 * (1 - (v - 0.10) / 0.10));
}

const char* VarianceBand(double variance) {
    if (variance < 0.05) return "healthy";
    if (variance < 0.10) return "minor";
    return variance <= 0.15 ? "moderate" : "high";
}

bool IsAnomalous(const std::vector<double>& past, double value) {
    if (past.size() < kLeastPast) return false;
    if (!std::isfinite(value)) return true;
    // Scaled, so that no sum of squares overflows.
    double scale = 0;
    for (const double one : past) {
        if (!std::isfinite(one)) return true;
        scale = std::max(scale, std::abs(one));
    }
    if (scale == 0) return value != 0;
    double mean = 0, squares = 0;
    for (const double one : past) mean += one / scale;
    mean /= static_cast<double>(past.size());
    for (const double one : past) squares += (one / scale - mean) * (one / scale - mean);
    const double deviation = std::sqrt(squares / static_cast<double>(past.size()));
    const double distance = std::abs(value / scale - mean);
    // Values that differ by the rounding of the sum only are equal.
    constexpr double kRounding = 1e-12;
    if (deviation <= kRounding) return distance > kRounding;
    return distance > 3 * deviation;
}

double AnomalyScore(double share) {
    if (std::isnan(share)) return 20;
    if (share <= 0) return 100;
    if (share <= 0.25) return 80;
    return share <= 0.5 ? 50 : 20;
}

double KnownShareScore(double share) {
    return ToScore(ShareScore(share, 0.20, 0.50));
}

double ConsentShareScore(double share) {
    return ToScore(ShareScore(share, 0.30, 0.70));
}

double RecencyScore(int64_t events_in_a_day) {
    if (events_in_a_day <= 0) return 40;
    return ToScore(events_in_a_day > 100 ? 100 : 70 + 0.3 * static_cast<double>(events_in_a_day));
}

}  // namespace pulse::trust
