// The counts that a forecast calls likely, to draw them: thousands of ranges for one chart, each to a part of
// its width.
#include <algorithm>
#include <cmath>

#include "pulse/drift/forecast.hpp"
#include "pulse/drift/statistics/probabilities.hpp"

namespace pulse::drift {

namespace {

constexpr double kFarthestCount = 1e15;
constexpr double kPartOfWidth = 0.02;  // how exact an edge is

// P(T > t), when a share of the noise is wider, to a few parts in a hundred: Student's t as a normal score
// (Wallace, Bounds on normal approximations to Student's and the chi-square distributions, 1959).
double QuickTail(double t, double dof, double outliers) {
    const double shrunk = (8 * dof + 1) / (8 * dof + 3);
    const auto tail = [&](double x) {
        return std::erfc(shrunk * std::sqrt(dof * std::log1p(x * x / dof) / 2)) / 2;
    };
    const double sum = (1 - outliers) * tail(t) + outliers * tail(t / kWideNoise);
    return t > 0 ? sum : 1 - sum;
}

// As GammaExceeds() of forecast.cpp, with quick tails.
double QuickExceeds(const ForecastComponent& c, double outliers, double shape) {
    if (shape <= 0) return 0;
    constexpr double kManyCounts = 1000, kMinorShare = 3, kFarthestScore = 4;
    const double ratio = c.sigma * std::sqrt(shape);
    if (shape > kManyCounts && ratio > kMinorShare)
        return QuickTail((c.level - std::log(shape)) / std::hypot(c.sigma, 1 / std::sqrt(shape)), c.dof,
                         outliers);
    double sum = 0, weights = 0;
    const double step = ratio < 0.3 ? 0.1 : 0.5;
    for (double z = -kFarthestScore; z <= kFarthestScore; z += step) {
        const double weight = std::exp(-z * z / 2);
        weights += weight;
        sum +=
            weight * QuickTail((c.level - statistics::LogGammaQuantile(shape, z)) / c.sigma, c.dof, outliers);
    }
    return sum / weights;
}

// How far a count lies above what is expected (below: less than 0), as the score of a normal variable, which
// is nearly a line of the count; minus the score of the edge.
class EdgeScore {
  public:
    EdgeScore(const Forecast& forecast, double score) : forecast_(forecast), score_(score) {}

    double operator()(double count) const {
        const bool above = score_ > 0;
        double p = 0;
        for (const ForecastComponent& c : forecast_.components) {
            const double at_most = QuickExceeds(c, forecast_.outliers, above ? count : count + 1);
            p += c.weight * (above ? 1 - at_most : at_most);
        }
        const double distance = statistics::NormalQuantile(std::clamp(p, 1e-12, 1 - 1e-12));
        return above ? -distance - score_ : score_ - distance;
    }

  private:
    const Forecast& forecast_;
    double score_;
};

// The last likely count on the side of the score. `off` is below 0 among the likely ones.
double Edge(const Forecast& forecast, double score, double level) {
    const EdgeScore off(forecast, score);
    const bool above = score > 0;
    const double lowest = above ? level : 0;
    if (!above && off(0) <= 0) return 0;
    const ForecastComponent& best = forecast.best();
    const double sigma = std::hypot(best.sigma, 1 / std::sqrt(std::max(level, 1.0)));
    double likely = level, at_likely = off(level);
    double unlikely = above ? std::max(level * std::exp(score * sigma), level + 1)
                            : std::min(level * std::exp(score * sigma), level - 1);
    unlikely = std::clamp(unlikely, lowest, kFarthestCount);
    double at_unlikely = off(unlikely);
    while (at_unlikely < 0 && unlikely > 0 && unlikely < kFarthestCount) {
        likely = unlikely, at_likely = at_unlikely;
        unlikely = std::clamp(2 * unlikely - level + (above ? 1 : -1), lowest, kFarthestCount);
        at_unlikely = off(unlikely);
    }
    // The Illinois method: a secant that always keeps the edge between both ends.
    const double exact = std::max(1.0, kPartOfWidth * std::abs(unlikely - level));
    for (int kept = 0; std::abs(unlikely - likely) > exact && at_likely < 0 && at_unlikely > 0;) {
        const double aim = (likely * at_unlikely - unlikely * at_likely) / (at_unlikely - at_likely);
        // A little beyond, so that both ends come near.
        const double beyond = aim + (unlikely > likely ? exact : -exact) * 0.4;
        if ((beyond > likely) != (unlikely > beyond)) return aim;  // it is at the end
        const double at_middle = off(beyond);
        if (at_middle <= 0) {
            likely = beyond, at_likely = at_middle;
            if (kept > 0) at_unlikely /= 2;
            kept = 1;
        } else {
            unlikely = beyond, at_unlikely = at_middle;
            if (kept < 0) at_likely /= 2;
            kept = -1;
        }
    }
    return likely;
}

}  // namespace

Forecast::Range Forecast::Likely(double p) const {
    double log_level = 0, weights = 0;
    for (const ForecastComponent& c : components) {
        log_level += c.weight * c.level;
        weights += c.weight;  // not quite 1: those that count for nothing are left out
    }
    const double level = std::exp(log_level / weights), score = statistics::NormalQuantile(1 - p / 2);
    return {Edge(*this, -score, level), Edge(*this, score, level)};
}

}  // namespace pulse::drift
