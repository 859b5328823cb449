#include <algorithm>

#include "detector_context.hpp"
#include "pulse/base/number.hpp"
#include "pulse/drift/statistics/robust.hpp"
#include "pulse/drift/statistics/trend.hpp"

namespace pulse::drift {

namespace {

constexpr size_t kLeastPoints = 10;

// Removes the season from a series that may have a trend: subtracts the median of each phase of the detrended
// values.
void Deseasonalise(std::vector<double>& values, size_t season) {
    std::vector<double> differences;
    for (size_t i = season; i < values.size(); ++i) differences.push_back(values[i] - values[i - season]);
    const double slope = statistics::Median(differences) / static_cast<double>(season);  // NaN are left out
    std::vector<double> detrended(values.size());
    for (size_t i = 0; i < values.size(); ++i) detrended[i] = values[i] - slope * static_cast<double>(i);
    const double level = statistics::Median(detrended);
    for (size_t phase = 0; phase < season && phase < values.size(); ++phase) {
        std::vector<double> same;
        for (size_t i = phase; i < values.size(); i += season) same.push_back(detrended[i]);
        const double effect = statistics::Median(same) - level;
        for (size_t i = phase; i < values.size(); i += season) values[i] -= effect;
    }
}

// Whether the fall is sudden and size_change reports it: its incident is open, or it found it just now.
bool WasSuddenFall(const DetectorContext& context, const std::vector<DetectorResult>& results) {
    const Fingerprint sudden{detector::kSizeChange, ""};
    for (const DetectorResult& result : results)
        if (result.finding.fingerprint == sudden && result.material && result.supported) return true;
    const auto spans = context.exclusions.find(sudden);
    return spans != context.exclusions.end() &&
           std::any_of(spans->second.begin(), spans->second.end(), [&](const Span& s) { return !s.to; });
}

// The last time at which the segment was as large as in the first quarter of the window.
Moment Onset(const DetectorContext& context, const std::vector<double>& values, Moment first) {
    const auto quarter = static_cast<std::ptrdiff_t>(std::max<size_t>(1, values.size() / 4));
    const double start = statistics::Median(std::vector<double>(values.begin(), values.begin() + quarter));
    for (size_t i = values.size(); i-- > 0;)
        if (values[i] >= start) return first + static_cast<int64_t>(i) * context.history.cadence;
    return first;
}

}  // namespace

void DetectErosion(const DetectorContext& context, std::vector<DetectorResult>& results) {
    const double threshold = context.thresholds.slow_erosion;
    if (!context.IsEnabled(threshold) || context.now().size <= 0 || WasSuddenFall(context, results)) return;
    const History& history = context.history;
    std::vector<size_t> points = BaselinePoints(
        history, context.index, context.exclusions, {{detector::kSizeChange, ""}},
        static_cast<size_t>(std::max(context.thresholds.baseline_window - 1, 1)), Admit::kRhythm);
    if (points.size() + 1 < kLeastPoints) return;
    points.insert(points.begin(), context.index);
    const Moment first = history.points[points.back()].moment;
    const int64_t last = Slot(context.now().moment, first, history.cadence);
    // Snapshots at irregular times are not a series of equal steps.
    if (last + 1 < static_cast<int64_t>(kLeastPoints) || last > 4 * context.thresholds.baseline_window)
        return;
    std::vector<double> values(static_cast<size_t>(last) + 1, std::nan(""));
    for (const size_t i : points)
        values[static_cast<size_t>(Slot(history.points[i].moment, first, history.cadence))] =
            std::log(std::max(static_cast<double>(history.points[i].size), 1.0));
    const int season = context.size ? context.size->season : 0;
    if (season > 0 && values.size() >= 3 * static_cast<size_t>(season))
        Deseasonalise(values, static_cast<size_t>(season));
    const statistics::MannKendall trend = statistics::TestTrend(values);
    const double change = std::expm1(trend.slope * static_cast<double>(last));
    DetectorResult result = EvaluateChange({detector::kSlowErosion, ""}, change, -change, threshold,
                                           trend.p_adjusted, BaselineKind::kRolling, context.thresholds);
    Finding& finding = result.finding;
    const double before = std::exp(trend.intercept), now = before * (1 + change);
    finding.baseline = before;
    finding.observed = now;
    if (result.material) {
        finding.onset = Onset(context, values, first);
        finding.baseline_snapshot = history.points[points.back()].snapshot;
        finding.details = {{"slopePerSnapshot", std::expm1(trend.slope)},
                           {"tau", trend.tau},
                           {"points", points.size()},
                           {"autocorrelation", trend.autocorrelation},
                           {"from", FormatMoment(first)}};
        if (season > 0) finding.details["season"] = season;
        finding.summary = "size erodes slowly: " + Percent(-change) + " lost over " +
                          Plural(points.size(), "snapshot") + ", from about " + Members(before) + " to " +
                          Members(now);
    }
    results.push_back(std::move(result));
}

}  // namespace pulse::drift
