// Changes of the level that no single snapshot shows: the newest snapshots are compared with what was
// forecast some snapshots ago, before they could teach anything.
#include <algorithm>

#include "detector_context.hpp"
#include "pulse/base/number.hpp"
#include "pulse/drift/statistics/robust.hpp"

namespace pulse::drift {

namespace {

// How many snapshots ago, or days where a day has several, the forecasts were made. The newer half of the
// snapshots since then is compared with them.
constexpr size_t kSpans[] = {8, 16, kSlowestChange};
// The spans overlap, so their tests are worth about this many independent ones.
constexpr double kTests = 2;
constexpr double kLargestTrend = 3;  // logarithmic: what a trend adds to a level, at most a factor of 20

// Whether the change is sudden and size_change reports it: its incident is open, or it found it just now.
bool WasSudden(const DetectorContext& context, const std::vector<DetectorResult>& results) {
    const Fingerprint sudden{detector::kSizeChange, ""};
    for (const DetectorResult& result : results)
        if (result.finding.fingerprint == sudden && result.material && result.supported) return true;
    const auto spans = context.exclusions.find(sudden);
    return spans != context.exclusions.end() &&
           std::any_of(spans->second.begin(), spans->second.end(),
                       [](const Span& s) { return s.end == SpanEnd::kOther && !s.to; });
}

// The logarithm of a size without what the season does to it.
double Deseasonalised(const DetectorContext& context, size_t index) {
    const Point& point = context.history.points[index];
    const double value = std::log(std::max(static_cast<double>(point.size), 0.5));
    const std::vector<double>& effects = context.size->forecast.effects;
    if (effects.empty()) return value;
    const int64_t back = -Slot(point.moment, context.now().moment, context.history.cadence);
    return value - effects[static_cast<size_t>(back) % effects.size()];
}

// The newest snapshots beside one forecast of them; logarithms.
struct Comparison {
    double start = 0;  // the level when the forecast was made
    double trend = 0;  // where its trend has led since
    double now = 0;
    double p_loss = 1, p_growth = 1;
    std::vector<size_t> points;  // since the forecast, newest first
    size_t origin = 0;           // the point after which it was made
};

// `span` levels ago; empty without so many.
std::optional<Comparison> CompareSince(const DetectorContext& context, size_t span) {
    const SizeWalk& walk = *context.history.size_walk;
    if (walk.levels.size() < span) return std::nullopt;
    const auto& [learnt, level] = walk.levels[walk.levels.size() - span];
    Comparison comparison;
    comparison.origin = walk.points[learnt - 1];
    // A slow change that has settled is over.
    for (const char* name : {detector::kSlowErosion, detector::kSlowGrowth})
        if (const auto settled = SettledFrom(context.exclusions, {name, ""});
            settled && context.history.points[comparison.origin].moment < *settled)
            return std::nullopt;
    comparison.points.push_back(context.index);
    for (size_t i = walk.points.size(); i-- > learnt;) comparison.points.push_back(walk.points[i]);
    std::vector<double> newest;
    double steps = 0;
    for (size_t i = 0; i < std::max<size_t>(1, comparison.points.size() / 2); ++i) {
        const size_t point = comparison.points[i];
        newest.push_back(Deseasonalised(context, point));
        steps += static_cast<double>(Slot(context.history.points[point].moment,
                                          context.history.points[comparison.origin].moment,
                                          context.history.cadence));
    }
    steps /= static_cast<double>(newest.size());
    // After a long gap nothing is known of the time between.
    if (steps > 2 * static_cast<double>(span * SnapshotsADay(context.history.cadence))) return std::nullopt;
    comparison.start = level.Level();
    comparison.trend =
        std::clamp(level.Trend(steps), comparison.start - kLargestTrend, comparison.start + kLargestTrend);
    comparison.now = statistics::Median(newest);
    const auto count = static_cast<double>(newest.size());
    comparison.p_loss = level.PValue(comparison.now, count, steps, false);
    // A loss is one whatever the trend; growth may be the usual one.
    comparison.p_growth = std::max(comparison.p_loss, level.PValue(comparison.now, count, steps, true));
    return comparison;
}

// The first of the newest snapshots that are all more than halfway from the level before to the one now.
Moment Onset(const DetectorContext& context, const Comparison& comparison, double before) {
    const double half = (before + comparison.now) / 2, direction = comparison.now - before;
    Moment onset = context.now().moment;
    for (const size_t point : comparison.points) {
        if ((Deseasonalised(context, point) - half) * direction < 0) break;
        onset = context.history.points[point].moment;
    }
    return onset;
}

// One direction, -1 or 1: a loss against the level then, growth against where its trend would have led.
void DetectDirection(const DetectorContext& context, const std::vector<Comparison>& comparisons,
                     const char* detector, double direction, double threshold,
                     std::vector<DetectorResult>& results) {
    const auto before = [&](const Comparison& c) {
        return direction < 0 ? c.start : std::max(c.start, c.trend);
    };
    const auto p_value = [&](const Comparison& c) { return direction < 0 ? c.p_loss : c.p_growth; };
    const Comparison* best = nullptr;
    for (const Comparison& c : comparisons)
        if (direction * std::expm1(c.now - before(c)) >= threshold && (!best || p_value(c) < p_value(*best)))
            best = &c;
    const Comparison& shown = best ? *best : comparisons.back();
    const double change = std::expm1(shown.now - before(shown));
    DetectorResult result =
        EvaluateChange({detector, ""}, change, direction * change, threshold,
                       std::min(1.0, kTests * p_value(shown)), BaselineKind::kRolling, context.thresholds);
    Finding& finding = result.finding;
    finding.baseline = std::exp(before(shown));
    finding.observed = std::exp(shown.now);
    if (result.material) {
        const std::vector<Point>& points = context.history.points;
        finding.onset = Onset(context, shown, before(shown));
        finding.baseline_snapshot = points[shown.origin].snapshot;
        finding.details = {{"points", shown.points.size()},
                           {"from", FormatMoment(points[shown.origin].moment)},
                           {"levelThen", std::exp(shown.start)},
                           {"trend", std::exp(shown.trend)}};
        if (context.size->season() > 0) finding.details["season"] = context.size->season();
        finding.summary = (direction < 0 ? "size erodes slowly: " + Percent(-change) + " lost over "
                                         : "size grows slowly: " + Percent(change) + " gained over ") +
                          Plural(shown.points.size(), "snapshot") + ", from about " +
                          Members(*finding.baseline) + " to " + Members(*finding.observed);
    }
    results.push_back(std::move(result));
}

}  // namespace

void DetectSlowChanges(const DetectorContext& context, std::vector<DetectorResult>& results) {
    if (!context.size || context.now().size <= 0 || WasSudden(context, results)) return;
    std::vector<Comparison> comparisons;
    for (const size_t span : kSpans)
        if (auto comparison = CompareSince(context, span)) comparisons.push_back(std::move(*comparison));
    if (comparisons.empty()) return;
    const Thresholds& thresholds = context.thresholds;
    if (context.IsEnabled(thresholds.slow_erosion))
        DetectDirection(context, comparisons, detector::kSlowErosion, -1, thresholds.slow_erosion, results);
    if (context.IsEnabled(thresholds.slow_growth))
        DetectDirection(context, comparisons, detector::kSlowGrowth, 1, thresholds.slow_growth, results);
}

}  // namespace pulse::drift
