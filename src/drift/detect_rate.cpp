#include <algorithm>

#include "detector_context.hpp"

namespace pulse::drift {

namespace {

// A rate of one snapshot, if the snapshot has it.
using CountOf = std::optional<Count> (*)(const DetectorContext& context, size_t index);

// A snapshot's flows cover the time since the previous snapshot. Flows over another span are not comparable;
// the imported flows of a first snapshot count as the usual span.
bool SameSpan(const DetectorContext& context, size_t index) {
    const std::vector<Point>& points = context.history.points;
    if (index == 0 || context.index == 0) return true;
    const auto span = static_cast<double>(points[index].moment - points[index - 1].moment);
    const auto tested = static_cast<double>(points[context.index].moment - points[context.index - 1].moment);
    return span >= 0.6 * tested && span <= 1.6 * tested;
}

std::optional<Count> Converted(const DetectorContext& context, size_t index) {
    const Point& point = context.history.points[index];
    if (!point.converted) return std::nullopt;
    return Count{static_cast<double>(*point.converted), static_cast<double>(point.size)};
}

std::optional<Count> Inactive(const DetectorContext& context, size_t index) {
    const Point& point = context.history.points[index];
    if (!point.inactive) return std::nullopt;
    return Count{static_cast<double>(*point.inactive), static_cast<double>(point.size)};
}

// The size that members left: that of the snapshot before. Where there is none, imported flows say it.
double SizeBefore(const DetectorContext& context, size_t index) {
    const std::vector<Point>& points = context.history.points;
    for (size_t i = index; i-- > 0;)
        if (points[i].ok) return static_cast<double>(points[i].size);
    const Point& point = points[index];
    return static_cast<double>(point.size - point.entered.value_or(0) + point.exited.value_or(0));
}

std::optional<Count> Exited(const DetectorContext& context, size_t index) {
    const Point& point = context.history.points[index];
    if (!point.exited || !SameSpan(context, index)) return std::nullopt;
    return Count{static_cast<double>(*point.exited), SizeBefore(context, index), point.flow_error};
}

// Members replaced by others: the smaller of entered and exited.
std::optional<Count> Replaced(const DetectorContext& context, size_t index) {
    const Point& point = context.history.points[index];
    if (!point.exited || !point.entered || !SameSpan(context, index)) return std::nullopt;
    return Count{static_cast<double>(std::min(*point.entered, *point.exited)), SizeBefore(context, index),
                 point.flow_error};
}

struct Rate {
    RateTest test;
    BaselineKind kind;
    std::optional<int64_t> baseline_snapshot;
    Count now;
};

std::optional<Rate> CompareRates(const DetectorContext& context, const char* detector, CountOf count_of) {
    const std::optional<Count> now = count_of(context, context.index);
    if (!now) return std::nullopt;
    const History& history = context.history;
    const std::vector<size_t> points =
        BaselinePoints(history, context.index, context.exclusions, {{detector, ""}},
                       static_cast<size_t>(context.thresholds.baseline_window));
    const std::vector<int> seasons = Seasons(history.cadence);
    const int season = seasons.empty() ? 0 : seasons.front();
    std::vector<Count> counts;
    std::optional<int64_t> newest;
    for (const size_t i : points) {
        std::optional<Count> count = count_of(context, i);
        if (!count) continue;
        count->same_phase =
            season > 0 && SamePhase(history.points[i].moment, context.now().moment, history.cadence, season);
        counts.push_back(*count);
        if (!newest) newest = history.points[i].snapshot;
    }
    // The flows of a pinned snapshot cover an unknown span, so only its own counts can be a baseline.
    if (UsesPin(history, context.index) && (count_of == Converted || count_of == Inactive)) {
        const Point& pinned = *history.pinned;
        const std::optional<int64_t> hits = count_of == Converted ? pinned.converted : pinned.inactive;
        if (!hits) return std::nullopt;
        const auto test =
            TestPinnedRate(*now, {static_cast<double>(*hits), static_cast<double>(pinned.size)}, counts);
        if (!test) return std::nullopt;
        return Rate{*test, BaselineKind::kPinned, pinned.snapshot, *now};
    }
    const auto test = TestRate(*now, counts, season);
    if (!test) return std::nullopt;
    const BaselineKind kind = test->seasonal      ? BaselineKind::kSeasonal
                              : test->points == 1 ? BaselineKind::kPrevious
                                                  : BaselineKind::kRolling;
    return Rate{*test, kind, newest, *now};
}

DetectorResult EvaluateRateChange(const DetectorContext& context, const char* detector, const Rate& rate,
                                  double change, double effect, double threshold) {
    DetectorResult result = EvaluateChange({detector, ""}, change, effect, threshold, rate.test.p_value,
                                           rate.kind, context.thresholds);
    Finding& finding = result.finding;
    finding.baseline = rate.test.baseline;
    finding.observed = rate.test.observed;
    finding.baseline_snapshot = rate.baseline_snapshot;
    if (result.material)
        finding.details = {{"dispersion", rate.test.dispersion},
                           {"baselinePoints", rate.test.points},
                           {"count", rate.now.hits},
                           {"size", rate.now.total}};
    return result;
}

std::string DescribeRate(const std::string& what, const Rate& rate) {
    return what + (rate.test.observed < rate.test.baseline ? " fell to " : " rose to ") +
           Percent(rate.test.observed) + " (" + Percent(rate.test.baseline) + " expected from " +
           BaselineText(rate.kind, rate.test.points) + ")";
}

}  // namespace

void DetectConversion(const DetectorContext& context, std::vector<DetectorResult>& results) {
    const double threshold = context.thresholds.conversion_anomaly;
    if (!context.IsEnabled(threshold)) return;
    const auto rate = CompareRates(context, detector::kConversionAnomaly, Converted);
    if (!rate || rate->test.baseline <= 0) return;
    const double change = (rate->test.observed - rate->test.baseline) / rate->test.baseline;
    DetectorResult result =
        EvaluateRateChange(context, detector::kConversionAnomaly, *rate, change, std::abs(change), threshold);
    if (result.material) result.finding.summary = DescribeRate("conversion rate", *rate);
    results.push_back(std::move(result));
}

void DetectInactivity(const DetectorContext& context, std::vector<DetectorResult>& results) {
    const double threshold = context.thresholds.inactivity_creep;
    if (!context.IsEnabled(threshold)) return;
    auto rate = CompareRates(context, detector::kInactivityCreep, Inactive);
    const bool measured = rate.has_value();
    // Without a definition of inactivity, exits are used instead; not when a snapshot could not measure it.
    if (!rate && context.now().missing.empty())
        rate = CompareRates(context, detector::kInactivityCreep, Exited);
    if (!rate || rate->test.baseline <= 0) return;
    const double change = (rate->test.observed - rate->test.baseline) / rate->test.baseline;
    DetectorResult result =
        EvaluateRateChange(context, detector::kInactivityCreep, *rate, change, change, threshold);
    if (result.material) {
        result.finding.summary = DescribeRate(
            measured ? "share of inactive " + context.history.members : "churn (exits / size before)", *rate);
        result.finding.details["measure"] = measured ? "inactive" : "churn";
    }
    results.push_back(std::move(result));
}

void DetectMembershipChurn(const DetectorContext& context, std::vector<DetectorResult>& results) {
    const double threshold = context.thresholds.membership_churn;
    if (!context.IsEnabled(threshold)) return;
    // If the size changes, the size detector reports it.
    for (const DetectorResult& result : results)
        if (result.finding.fingerprint.detector == detector::kSizeChange && result.material &&
            result.supported)
            return;
    const auto rate = CompareRates(context, detector::kMembershipChurn, Replaced);
    if (!rate) return;
    const double change = rate->test.observed - rate->test.baseline;
    DetectorResult result =
        EvaluateRateChange(context, detector::kMembershipChurn, *rate, change, change, threshold);
    if (result.material) {
        result.finding.summary =
            DescribeRate("share of " + context.history.members + " replaced by others", *rate);
        result.finding.details["entered"] = *context.now().entered;
        result.finding.details["exited"] = *context.now().exited;
    }
    results.push_back(std::move(result));
}

}  // namespace pulse::drift
