#include <algorithm>

#include "detector_context.hpp"
#include "pulse/drift/statistics/probabilities.hpp"

namespace pulse::drift {

namespace {

// The p-value: the probability of a size at least that far from the expected one.
double SizePValue(const Expectation& expectation, double observed) {
    const double level = std::max(expectation.level, 1.0), seen = std::max(observed, 1.0);
    // The noise of two counts is at least Poisson's.
    const double sigma = std::max(expectation.sigma, std::sqrt(1 / level + 1 / seen));
    const double distance = std::abs(std::log(seen / level)) / sigma;
    return expectation.dof > 0 ? statistics::StudentTTwoSided(distance, expectation.dof)
                               : statistics::NormalTwoSided(distance);
}

// Whether the segment is empty for the first time.
bool CollapsedToZero(const DetectorContext& context) {
    if (context.now().size > 0 || context.size->level <= 0) return false;
    return std::none_of(context.size->points.begin(), context.size->points.end(),
                        [&](size_t i) { return context.history.points[i].size == 0; });
}

size_t BaselineCount(const Expectation& expectation) {
    if (expectation.season == 0) return expectation.points.size();
    return std::max<size_t>(1, expectation.points.size() / static_cast<size_t>(expectation.season));
}

void Describe(const DetectorContext& context, Finding& finding) {
    const Expectation& size = *context.size;
    finding.details = {{"sigma", size.sigma},
                       {"baselinePoints", size.points.size()},
                       {"trend", size.trend},
                       {"previousSize", nullptr}};
    if (size.season > 0) finding.details["season"] = size.season;
    if (size.dof > 0) finding.details["degreesOfFreedom"] = size.dof;
    if (!size.points.empty()) {
        finding.details["baselineFrom"] = FormatMoment(context.history.points[size.points.back()].moment);
        finding.details["baselineTo"] = FormatMoment(context.history.points[size.points.front()].moment);
    }
    if (context.index > 0 && context.history.points[context.index - 1].ok)
        finding.details["previousSize"] = context.history.points[context.index - 1].size;
    if (context.now().entered) finding.details["entered"] = *context.now().entered;
    if (context.now().exited) finding.details["exited"] = *context.now().exited;
    const auto observed = static_cast<double>(context.now().size);
    if (context.now().size == 0)
        finding.summary = "no members left (" + Members(size.level) + " expected";
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
    // A change from zero has no relative size.
    if (!context.IsEnabled(threshold) || !context.size || context.size->level <= 0) return;
    const Expectation& size = *context.size;
    const auto observed = static_cast<double>(context.now().size);
    const double change = (observed - size.level) / size.level;
    const bool silent = CollapsedToZero(context);
    DetectorResult result =
        EvaluateChange({detector::kSizeChange, ""}, change, std::abs(change), threshold,
                       silent ? 0 : SizePValue(size, observed), size.kind, context.thresholds);
    Finding& finding = result.finding;
    finding.baseline = size.level;
    finding.observed = observed;
    if (silent) finding.severity = Severity::kCritical;
    if (!size.points.empty())
        finding.baseline_snapshot = context.history.points[size.points.front()].snapshot;
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
