// Comparing two groups of an experiment. Pure C++; every function is total: it never throws, and its numbers
// are finite.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace pulse::insight {

// People, and the mean and variance of a figure that each of them has. A conversion is a figure that is 0
// or 1.
struct Sample {
    int64_t people = 0;
    double mean = 0;
    double variance = 0;  // of a single person
};
// `converted` of `people`.
Sample ConversionSample(int64_t converted, int64_t people);

struct Interval {
    double low = 0, high = 0;
};

// Score interval of a rate (Wilson 1927).
Interval WilsonInterval(int64_t converted, int64_t people, double confidence);
// Of the difference of two rates, `other` - `control`: the score intervals combined (Newcombe 1998, method
// 10).
Interval NewcombeInterval(int64_t control_converted, int64_t control_people, int64_t converted,
                          int64_t people, double confidence);

// A difference or a ratio with its standard error.
struct Estimate {
    double value = 0, error = 0;
    double degrees = 0;  // of freedom, by Welch and Satterthwaite
};
// other - control.
Estimate Difference(const Sample& control, const Sample& other);
// other / control - 1, by the delta method (Deng, Knoblich, Lu 2018); empty unless the control's mean is
// above 0.
std::optional<Estimate> Lift(const Sample& control, const Sample& other);

// For one look at a moment that was fixed before: Student's t with Welch's degrees of freedom.
Interval FixedInterval(const Estimate& estimate, double confidence);
double FixedP(const Estimate& estimate);

// For any number of looks: the asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas
// (2021), "Time-uniform central limit theory and asymptotic confidence sequences", Theorem 2.2 (arXiv
// 2103.06476). With n people in both groups and s = error * sqrt(n), the estimate is within
//   s * sqrt( 2 (n r^2 + 1) / (n^2 r^2) * log( sqrt(n r^2 + 1) / (1 - confidence) ) )
// of the truth at all n at once with this confidence. r makes the interval tightest near kTunedFor people:
//   r = sqrt( (-2 log a + log(1 - 2 log a)) / kTunedFor ), a = 1 - confidence.
inline constexpr double kTunedFor = 5000;
Interval SequentialInterval(const Estimate& estimate, int64_t people, double confidence,
                            double tuned_for = kTunedFor);
// The smallest 1 - confidence at which the interval with the same r excludes 0.
double SequentialP(const Estimate& estimate, int64_t people, double confidence, double tuned_for = kTunedFor);

// Pearson's chi-square test of counts against the shares that were intended (weights with any sum). Empty
// without people or with fewer than two groups of weight above 0.
struct SampleRatio {
    double statistic = 0, p_value = 1;
};
std::optional<SampleRatio> TestSampleRatio(std::span<const int64_t> people, std::span<const double> weights);

}  // namespace pulse::insight
