#include "pulse/drift/statistics/seasonal.hpp"

#include "pulse/drift/statistics/robust.hpp"
#include "statistics_common.hpp"

namespace pulse::drift::statistics {

namespace {

// Half of the deviation of the last period goes into the prediction.
constexpr double kRecentWeight = 0.5;
// Residuals around fitted phase medians are too small; measured for eight seasons, where the uncertainty of a
// phase is 1/8.
constexpr double kSeasons = 8, kEightSeasonsScale = 1.08;
// Without a season, the last steps are used as the last period.
constexpr size_t kRecentSteps = 7;
constexpr int kLeastPoints = 4;
constexpr double kNormalMad = 1.4826;

double ToScale(double value, Scale scale) {
    if (!std::isfinite(value)) return std::nan("");
    switch (scale) {
        case Scale::kLinear: return Bounded(value);
        case Scale::kLog: return std::log(std::max(value, 0.5));
        case Scale::kLogit: {
            const double share = std::clamp(value, 1e-6, 1 - 1e-6);
            return std::log(share / (1 - share));
        }
    }
    return std::nan("");
}

double FromScale(double value, Scale scale) {
    switch (scale) {
        case Scale::kLinear: return value;
        case Scale::kLog: return std::exp(std::min(value, 320.0));
        case Scale::kLogit: return 1 / (1 + std::exp(-value));
    }
    return value;
}

// The median difference between points of the same phase, per step. Seasons with gaps on both ends are
// bridged.
double SlopeOf(const std::vector<double>& y, size_t period) {
    std::vector<double> differences;
    for (size_t lag = period; lag < y.size() && differences.empty(); lag += period)
        for (size_t i = lag; i < y.size(); ++i)
            if (const double step = (y[i] - y[i - lag]) / static_cast<double>(lag); std::isfinite(step))
                differences.push_back(step);
    return Median(differences);
}

double PlainSlope(const std::vector<double>& y) {
    std::vector<double> times(y.size());
    for (size_t i = 0; i < y.size(); ++i) times[i] = static_cast<double>(i);
    return SenSlope(times, y);
}

// The median of each phase; NaN where it has no point.
std::vector<double> PhaseMedians(const std::vector<double>& y, size_t period) {
    std::vector<double> medians(period, std::nan(""));
    for (size_t phase = 0; phase < period; ++phase) {
        std::vector<double> values;
        for (size_t i = phase; i < y.size(); i += period)
            if (std::isfinite(y[i])) values.push_back(y[i]);
        if (!values.empty()) medians[phase] = Median(values);
    }
    return medians;
}

double SigmaOf(const SeasonalFit& fit, size_t steps) {
    if (fit.period == 1) {
        // The end of a fitted line is four times as uncertain as its middle.
        const double uncertainty =
            4 * M_PI_2 / fit.points + kRecentWeight * kRecentWeight * M_PI_2 / kRecentSteps;
        return kNormalMad * fit.residual_mad * std::sqrt(1 + uncertainty);
    }
    const double seasons = std::clamp((static_cast<double>(steps) + 1) / fit.period, 2.0, kSeasons);
    const double shrinkage =
        kEightSeasonsScale * std::sqrt(seasons / (seasons - 1) * (kSeasons - 1) / kSeasons);
    return shrinkage * kNormalMad * fit.residual_mad *
           std::sqrt(1 + 1 / seasons + kRecentWeight * kRecentWeight * 1.57 / fit.period);
}

}  // namespace

double SeasonalFit::Z(double value) const {
    const double distance = ToScale(value, scale) - predicted;
    if (status == StatisticStatus::kInsufficientData || status == StatisticStatus::kInvalidInput ||
        std::isnan(distance))
        return 0;
    if (sigma > 0) return std::clamp(distance / sigma, -kZCap, kZCap);
    return distance == 0 ? 0 : std::copysign(kZCap, distance);
}

double SeasonalFit::At(double z) const {
    return FromScale(predicted + (std::isfinite(z) ? z : 0) * sigma, scale);
}

SeasonalFit RobustSeasonalFit(std::span<const double> history, size_t period, Scale scale,
                              double sigma_floor) {
    SeasonalFit fit;
    fit.scale = scale;
    fit.period = static_cast<int>(std::min<size_t>(period, 1'000'000));
    fit.residuals.assign(history.size(), std::nan(""));
    if (period == 0) {
        fit.status = StatisticStatus::kInvalidInput;
        return fit;
    }
    std::vector<double> y(history.size());
    std::transform(history.begin(), history.end(), y.begin(), [&](double v) { return ToScale(v, scale); });
    fit.points =
        static_cast<int>(std::count_if(y.begin(), y.end(), [](double v) { return std::isfinite(v); }));
    if (fit.points < (period == 1 ? kLeastPoints : 2 * fit.period + 1)) return fit;

    // The history must have a value of the phase that follows it.
    if (period > 1 && std::isnan(PhaseMedians(y, period)[y.size() % period])) return fit;

    fit.slope = period == 1 ? PlainSlope(y) : SlopeOf(y, period);
    for (size_t i = 0; i < y.size(); ++i)
        y[i] -= fit.slope * (static_cast<double>(i) - static_cast<double>(y.size()));
    fit.level = Median(y);
    for (double& value : y) value -= fit.level;
    if (period > 1) {
        const std::vector<double> season = PhaseMedians(y, period);
        fit.season = season[y.size() % period];
        for (size_t i = 0; i < y.size(); ++i) y[i] -= season[i % period];
    }
    fit.recent = Median(std::span(y).last(std::min(y.size(), period == 1 ? kRecentSteps : period)));
    fit.predicted = fit.level + fit.season + kRecentWeight * fit.recent;
    fit.expected = FromScale(fit.predicted, scale);
    fit.residual_mad = MeasureSpread(y).mad;
    fit.sigma = std::max(SigmaOf(fit, history.size()), std::isfinite(sigma_floor) ? sigma_floor : 0);
    fit.status = fit.residual_mad > 0 ? StatisticStatus::kOk : StatisticStatus::kConstant;
    fit.residuals = std::move(y);
    return fit;
}

}  // namespace pulse::drift::statistics
