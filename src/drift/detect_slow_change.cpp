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
constexpr size_t kBefore = 7;  // snapshots that show what the size was when the forecast was made

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
    double start = 0;     // the level when the forecast was made
    double expected = 0;  // where its growth should have led since
    double before = 0;    // what was seen then
    double now = 0;
    const LevelForecast* forecast = nullptr;
    double steps = 0;            // from it to the newest snapshots, on average
    double newest = 0;           // their count
    std::vector<size_t> points;  // since the forecast, newest first
    size_t origin = 0;           // the point after which it was made
};

// `span` levels ago; empty without so many.
std::optional<Comparison> CompareSince(const DetectorContext& context, size_t span) {
    const SizeWalk& walk = *context.history.size_walks.newest;
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
    comparison.expected = level.Expected(steps);
    comparison.now = statistics::Median(newest);
    comparison.forecast = &level;
    comparison.steps = steps;
    comparison.newest = static_cast<double>(newest.size());
    std::vector<double> before;
    for (size_t i = learnt; i-- > 0 && before.size() < kBefore;)
        before.push_back(Deseasonalised(context, walk.points[i]));
    comparison.before = statistics::Median(before);
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

std::string Summary(const Comparison& comparison, double direction, double change) {
    constexpr double kSome = 0.01;  // of growth: what is worth a word
    std::string text = std::string("size ") + (direction < 0 ? "erodes" : "grows") +
                       " slowly: " + Percent(std::abs(change)) +
                       (direction < 0 ? " lost over " : " gained over ") +
                       Plural(comparison.points.size(), "snapshot") + ", from about " +
                       Members(std::exp(comparison.start)) + " to " + Members(std::exp(comparison.now));
    if (comparison.expected - comparison.start > kSome)
        text += " (" + Members(std::exp(comparison.expected)) + " expected from its growth)";
    return text;
}

// How far the level has moved: from what was expected. Growth that ends is no loss, so two thirds of it must
// be a change of what was seen, too.
double Change(const Comparison& comparison, double direction) {
    return direction * std::min(direction * std::expm1(comparison.now - comparison.expected),
                                1.5 * direction * std::expm1(comparison.now - comparison.before));
}

// One direction, -1 or 1.
void DetectDirection(const DetectorContext& context, const std::vector<Comparison>& comparisons,
                     const char* detector, double direction, double threshold,
                     std::vector<DetectorResult>& results) {
    const Comparison* best = nullptr;
    double p_value = 1;  // of what is below the threshold it is irrelevant
    for (const Comparison& c : comparisons) {
        if (direction * Change(c, direction) < threshold) continue;
        const double p = kTests * c.forecast->PValue(c.now, c.newest, c.steps);
        if (!best || p < p_value) best = &c;
        p_value = std::min(p, p_value);
    }
    const Comparison& shown = best ? *best : comparisons.back();
    const double change = Change(shown, direction);
    DetectorResult result = EvaluateChange({detector, ""}, change, direction * change, threshold, p_value,
                                           BaselineKind::kRolling, context.thresholds);
    Finding& finding = result.finding;
    finding.baseline = std::exp(shown.expected);
    finding.observed = std::exp(shown.now);
    if (result.material) {
        const std::vector<Point>& points = context.history.points;
        finding.onset = Onset(context, shown, shown.expected);
        finding.baseline_snapshot = points[shown.origin].snapshot;
        finding.details = {{"points", shown.points.size()},
                           {"from", FormatMoment(points[shown.origin].moment)},
                           {"levelThen", std::exp(shown.start)},
                           {"expected", std::exp(shown.expected)}};
        if (context.size->season() > 0) finding.details["season"] = context.size->season();
        finding.summary = Summary(shown, direction, change);
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
