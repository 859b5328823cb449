#include "pulse/insight/experiment_statistics.hpp"

#include <algorithm>
#include <cmath>

#include "pulse/drift/statistics/probabilities.hpp"

namespace pulse::insight {

namespace {

using namespace drift::statistics;

double TwoSidedZ(double confidence) {
    return NormalQuantile(0.5 + confidence / 2);
}

double Clean(double value) {
    constexpr double kLargest = 1e300;
    return std::isnan(value) ? 0 : std::clamp(value, -kLargest, kLargest);
}

// n r^2
double Mixture(int64_t people, double confidence, double tuned_for) {
    const double log_alpha = std::log(1 - confidence);
    return static_cast<double>(people) * (-2 * log_alpha + std::log(1 - 2 * log_alpha)) / tuned_for;
}

}  // namespace

Sample ConversionSample(int64_t converted, int64_t people) {
    if (people <= 0) return {};
    const double rate = static_cast<double>(converted) / static_cast<double>(people);
    return {people, rate, rate * (1 - rate)};
}

Interval WilsonInterval(int64_t converted, int64_t people, double confidence) {
    if (people <= 0) return {0, 1};
    const double n = static_cast<double>(people), rate = static_cast<double>(converted) / n;
    const double z = TwoSidedZ(confidence), z2 = z * z;
    const double middle = (rate + z2 / (2 * n)) / (1 + z2 / n);
    const double half = z / (1 + z2 / n) * std::sqrt(rate * (1 - rate) / n + z2 / (4 * n * n));
    return {converted <= 0 ? 0 : std::max(0.0, middle - half),
            converted >= people ? 1 : std::min(1.0, middle + half)};
}

Interval NewcombeInterval(int64_t control_converted, int64_t control_people, int64_t converted,
                          int64_t people, double confidence) {
    const Interval a = WilsonInterval(control_converted, control_people, confidence),
                   b = WilsonInterval(converted, people, confidence);
    const double rate_a = ConversionSample(control_converted, control_people).mean,
                 rate_b = ConversionSample(converted, people).mean, difference = rate_b - rate_a;
    return {difference - std::hypot(rate_b - b.low, a.high - rate_a),
            difference + std::hypot(b.high - rate_b, rate_a - a.low)};
}

Estimate Difference(const Sample& control, const Sample& other) {
    Estimate result{.value = Clean(other.mean - control.mean)};
    if (control.people < 2 || other.people < 2) return result;
    const double n = static_cast<double>(control.people), m = static_cast<double>(other.people);
    const double a = control.variance / n, b = other.variance / m;
    result.error = Clean(std::sqrt(a + b));
    // As shares of the sum, so that small variances do not vanish in their squares.
    const double share = a + b > 0 ? a / (a + b) : 0.5;
    result.degrees = 1 / (share * share / (n - 1) + (1 - share) * (1 - share) / (m - 1));
    return result;
}

std::optional<Estimate> Lift(const Sample& control, const Sample& other) {
    if (control.mean <= 0 || control.people <= 0 || other.people <= 0) return std::nullopt;
    const double n = static_cast<double>(control.people), m = static_cast<double>(other.people);
    const double ratio = other.mean / control.mean;
    Estimate result = Difference(control, other);
    result.value = Clean(ratio - 1);
    result.error = Clean(std::hypot(std::sqrt(other.variance / m) / control.mean,
                                    ratio * std::sqrt(control.variance / n) / control.mean));
    return result;
}

Interval FixedInterval(const Estimate& estimate, double confidence) {
    const double half = StudentTQuantile(0.5 + confidence / 2, estimate.degrees) * estimate.error;
    return {Clean(estimate.value - half), Clean(estimate.value + half)};
}

double FixedP(const Estimate& estimate) {
    if (estimate.error <= 0) return 1;
    return StudentTTwoSided(estimate.value / estimate.error, estimate.degrees);
}

Interval SequentialInterval(const Estimate& estimate, int64_t people, double confidence, double tuned_for) {
    if (people <= 0) return {estimate.value, estimate.value};
    const double mixture = Mixture(people, confidence, tuned_for);
    const double half = estimate.error * std::sqrt(2 * (mixture + 1) / mixture *
                                                   (0.5 * std::log1p(mixture) - std::log(1 - confidence)));
    return {Clean(estimate.value - half), Clean(estimate.value + half)};
}

double SequentialP(const Estimate& estimate, int64_t people, double confidence, double tuned_for) {
    if (people <= 0 || estimate.error <= 0) return 1;
    const double mixture = Mixture(people, confidence, tuned_for), z = estimate.value / estimate.error;
    const double log_p = 0.5 * std::log1p(mixture) - z * z * mixture / (2 * (mixture + 1));
    return std::min(1.0, std::exp(log_p));
}

std::optional<SampleRatio> TestSampleRatio(std::span<const int64_t> people, std::span<const double> weights) {
    double all = 0, sum = 0, groups = 0;
    for (size_t i = 0; i < people.size(); ++i) {
        all += static_cast<double>(people[i]);
        sum += weights[i];
        groups += weights[i] > 0;
    }
    if (all <= 0 || groups < 2) return std::nullopt;
    SampleRatio ratio;
    for (size_t i = 0; i < people.size(); ++i) {
        const double expected = all * weights[i] / sum;
        if (expected > 0)
            ratio.statistic += (static_cast<double>(people[i]) - expected) / expected *
                               (static_cast<double>(people[i]) - expected);
        else if (people[i] > 0)
            return SampleRatio{1e300, 0};
    }
    ratio.p_value = ChiSquareUpperTail(ratio.statistic, groups - 1);
    return ratio;
}

}  // namespace pulse::insight
