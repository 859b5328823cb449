#include <cstdio>

#include "detector_context.hpp"
#include "pulse/base/number.hpp"

namespace pulse::drift {

namespace {

// Tolerates rounding: 11,500 against 10,000 reaches a threshold of 0.15.
constexpr double kTolerance = 1e-9;

double Ratio(double effect, double threshold) {
    if (effect <= 0 || std::isnan(effect)) return 0;
    // A threshold of 0 asks for every change that is statistically certain.
    return threshold > 0 ? effect / threshold : 1;
}

}  // namespace

DetectorResult EvaluateChange(Fingerprint fingerprint, double change, double effect, double threshold,
                              std::optional<double> p_value, BaselineKind kind,
                              const Thresholds& thresholds) {
    DetectorResult result;
    result.ratio = Ratio(effect, threshold);
    result.material = result.ratio >= 1 - kTolerance;
    result.supported = !p_value || *p_value <= thresholds.p_value;
    Finding& finding = result.finding;
    finding.fingerprint = std::move(fingerprint);
    finding.change = change;
    finding.threshold = threshold;
    finding.p_value = p_value;
    finding.baseline_kind = kind;
    finding.severity = SeverityOf(result.ratio);
    finding.direction = change > 0 ? Direction::kUp : change < 0 ? Direction::kDown : Direction::kChanged;
    return result;
}

std::string Fixed(double value, int decimals) {
    char text[64];
    std::snprintf(text, sizeof text, "%.*f", decimals, value);
    return text;
}

std::string Members(double count) {
    return std::abs(count) < 9e18 ? Thousands(std::llrint(count)) : Fixed(count, 0);
}

std::string Percent(double share, int decimals) {
    return Fixed(100 * share, decimals) + " %";
}

std::string BaselineText(BaselineKind kind, size_t points) {
    switch (kind) {
        case BaselineKind::kPinned: return "the pinned snapshot";
        case BaselineKind::kPrevious: return "the previous snapshot";
        case BaselineKind::kExpected: return "the expected range";
        case BaselineKind::kSeasonal: return "the same time in " + Plural(points, "season");
        case BaselineKind::kRolling: break;
    }
    return "the last " + Plural(points, "normal snapshot");
}

}  // namespace pulse::drift
