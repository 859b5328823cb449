#include <algorithm>

#include "detector_context.hpp"

namespace pulse::drift {

namespace {

// Fewer members than these are gone by chance now and then.
constexpr double kSomeMembers = 5;

// Whether the segment is empty for the first time.
bool CollapsedToZero(const DetectorContext& context) {
    if (context.now().size > 0 || context.size->level < kSomeMembers) return false;
    const std::vector<Point>& points = context.history.points;
    return std::none_of(points.begin(), points.begin() + static_cast<std::ptrdiff_t>(context.index),
                        [](const Point& point) { return point.ok && point.size == 0; });
}

size_t BaselineCount(const Expectation& expectation) {
    if (expectation.kind != BaselineKind::kSeasonal) return expectation.points;
    return std::max<size_t>(1, expectation.points / static_cast<size_t>(expectation.season()));
}

void Describe(const DetectorContext& context, Finding& finding) {
    const Expectation& size = *context.size;
    const ForecastComponent& best = size.forecast.best();
    finding.details = {{"sigma", best.sigma},
                       {"degreesOfFreedom", best.dof},
                       {"baselinePoints", size.points},
                       {"trend", best.trend},
                       {"previousSize", nullptr}};
    if (best.season > 0) finding.details["season"] = best.season;
    if (size.points > 0) {
        finding.details["baselineFrom"] = FormatMoment(context.history.points[size.oldest].moment);
        finding.details["baselineTo"] = FormatMoment(context.history.points[size.newest].moment);
    }
    if (context.index > 0 && context.history.points[context.index - 1].ok)
        finding.details["previousSize"] = context.history.points[context.index - 1].size;
    if (context.now().entered) finding.details["entered"] = *context.now().entered;
    if (context.now().exited) finding.details["exited"] = *context.now().exited;
    const auto observed = static_cast<double>(context.now().size);
    if (size.level < 1)
        finding.summary = Members(observed) + " " + context.history.members + " (none expected";
    else if (context.now().size == 0)
        finding.summary = "no " + context.history.members + " left (" + Members(size.level) + " expected";
    else
        finding.summary = std::string("size ") + (finding.change < 0 ? "fell " : "rose ") +
                          Percent(std::abs(finding.change)) + " to " + Members(observed) + " (" +
                          Members(size.level) + " expected";
    finding.summary += " from " + BaselineText(size.kind, BaselineCount(size)) + ")";
}

void ExpectWithin(const DetectorContext& context, const char* attribute, const Range& range, double observed,
                  double threshold, std::vector<DetectorResult>& results) {
    if (!range.min && !range.max) return;
    double bound = 0, change = 0;
    bool outside = false;
    if (range.min && observed < *range.min) {
        bound = *range.min;
        outside = true;
    } else if (range.max && observed > *range.max) {
        bound = *range.max;
        outside = true;
    }
    if (outside) change = bound > 0 ? (observed - bound) / bound : 1;
    // The range is the threshold; the detector's threshold only grades the distance outside it.
    const double grade = threshold > 0 && threshold < kSwitchedOff ? threshold : 1;
    DetectorResult result = EvaluateChange({detector::kExpectedRange, attribute}, change, std::abs(change),
                                           grade, std::nullopt, BaselineKind::kExpected, context.thresholds);
    result.material = outside;
    result.ratio = outside ? std::max(result.ratio, 1.0) : 0;
    Finding& finding = result.finding;
    finding.observed = observed;
    finding.baseline = outside ? std::optional(bound) : std::nullopt;
    if (outside) {
        const bool size = std::string(attribute) == "size";
        const auto text = [&](double value) { return size ? Members(value) : Percent(value); };
        finding.details = {{"min", range.min ? Json(*range.min) : Json()},
                           {"max", range.max ? Json(*range.max) : Json()}};
        finding.summary = std::string(size ? "size " : "conversion rate ") + text(observed) + " is " +
                          (change < 0 ? "below the expected minimum of " : "above the expected maximum of ") +
                          text(bound);
    }
    results.push_back(std::move(result));
}

}  // namespace

void DetectSize(const DetectorContext& context, std::vector<DetectorResult>& results) {
    const double threshold = context.thresholds.size_change;
    if (!context.IsEnabled(threshold) || !context.size) return;
    const Expectation& size = *context.size;
    const auto observed = static_cast<double>(context.now().size);
    // A change from less than one member is relative to one.
    const double change = (observed - size.level) / std::max(size.level, 1.0);
    const bool silent = CollapsedToZero(context);
    // Far below the threshold the p-value is irrelevant: 1 is safe, and most tests end here.
    const bool near = std::abs(change) >= 0.5 * threshold;
    DetectorResult result = EvaluateChange({detector::kSizeChange, ""}, change, std::abs(change), threshold,
                                           silent ? 0
                                           : near ? size.forecast.PValue(observed)
                                                  : 1,
                                           size.kind, context.thresholds);
    Finding& finding = result.finding;
    finding.baseline = size.level;
    finding.observed = observed;
    if (silent) finding.severity = Severity::kCritical;
    if (size.points > 0) finding.baseline_snapshot = context.history.points[size.newest].snapshot;
    if (result.material) Describe(context, finding);
    results.push_back(std::move(result));
}

void DetectExpectedRange(const DetectorContext& context, std::vector<DetectorResult>& results) {
    const Point& now = context.now();
    ExpectWithin(context, "size", context.expectations.size, static_cast<double>(now.size),
                 context.thresholds.size_change, results);
    if (now.converted && now.size > 0)
        ExpectWithin(context, "conversion_rate", context.expectations.conversion_rate,
                     static_cast<double>(*now.converted) / static_cast<double>(now.size),
                     context.thresholds.conversion_anomaly, results);
}

}  // namespace pulse::drift
