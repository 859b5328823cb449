#include "pulse/drift/statistics/probabilities.hpp"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <boost/math/special_functions/beta.hpp>
#include <boost/math/special_functions/erf.hpp>
#include <boost/math/special_functions/gamma.hpp>
#include <cmath>
#include <limits>
#include <numbers>

#include "pulse/drift/statistics/status.hpp"

namespace pulse::drift::statistics {

namespace {

namespace policies = boost::math::policies;

// Nothing throws: out of range and overflow become limits, and what does not converge stays at its last
// digit.
using Quiet = policies::policy<
    policies::domain_error<policies::ignore_error>, policies::pole_error<policies::ignore_error>,
    policies::overflow_error<policies::ignore_error>, policies::underflow_error<policies::ignore_error>,
    policies::evaluation_error<policies::ignore_error>, policies::rounding_error<policies::ignore_error>,
    policies::indeterminate_result_error<policies::ignore_error>>;
// Without long double, which costs several times as much: only where that is known to be precise enough.
using Quick = policies::normalise<Quiet, policies::promote_double<false>>::type;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
// From these parameters on Boost's incomplete gamma loses its digits and its incomplete beta may not return;
// their limits are by then as good.
constexpr double kLarge = 1e9;
// Below this a parameter beside a large one is still far from normal.
constexpr double kFew = 1e6;

double Probability(double p) {
    return std::isnan(p) ? 1 : std::clamp(p, 0.0, 1.0);
}

// P(Gamma(shape, 1) > x).
double GammaUpperTail(double shape, double x) {
    if (!(shape > 0)) return 1;
    if (!(x > 0)) return 1;
    if (std::isinf(x)) return 0;
    if (shape < kLarge) return Probability(boost::math::gamma_q(shape, x, Quiet()));
    return NormalUpperTail(3 * std::sqrt(shape) * (std::cbrt(x / shape) - 1 + 1 / (9 * shape)));
}

double GammaLowerTail(double shape, double x) {
    if (!(shape > 0)) return 1;
    if (!(x > 0)) return 0;
    if (std::isinf(x)) return 1;
    if (shape < kLarge) return Probability(boost::math::gamma_p(shape, x, Quiet()));
    return NormalUpperTail(-3 * std::sqrt(shape) * (std::cbrt(x / shape) - 1 + 1 / (9 * shape)));
}

// (1 + x) ln(1 + x) - x.
double Entropy(double x) {
    if (std::abs(x) < 1e-3) return x * x * (0.5 - x / 6 + x * x / 12);
    return x <= -1 ? 1 : (1 + x) * std::log1p(x) - x;
}

// The signed root of the deviance of a or more among a + b - 1, which is normal when both are large (Peizer
// and Pratt 1968, without the terms that vanish here).
double DevianceRoot(double x, double a, double b) {
    const double trials = a + b - 1, expected = trials * x, others = trials * (1 - x),
                 off = a - 0.5 - expected;
    const double deviance = expected * Entropy(off / expected) + others * Entropy(-off / others);
    return std::copysign(std::sqrt(2 * std::max(0.0, deviance)), off);
}

template <typename Policy>
double StudentTail(double t, double df, const Policy& policy) {
    const double square = t * t;
    if (square < df) return Probability(boost::math::ibetac(0.5, df / 2, square / (df + square), policy) / 2);
    return Probability(boost::math::ibeta(df / 2, 0.5, std::isinf(square) ? 0 : df / (df + square), policy) /
                       2);
}

// I_x(a, b), or 1 - I_x(a, b).
double IncompleteBeta(double x, double a, double b, bool complement) {
    if (std::isnan(x) || !(a > 0) || !(b > 0)) return 1;
    if (x <= 0 || x >= 1) return (x >= 1) != complement;
    if (std::max(a, b) <= kLarge)
        return Probability(complement ? boost::math::ibetac(a, b, x, Quiet())
                                      : boost::math::ibeta(a, b, x, Quiet()));
    a = std::min(a, 1e300), b = std::min(b, 1e300);
    // Rare on one side: a gamma variable (Wise 1950).
    if (a < kFew) {
        const double limit = -(b + (a - 1) / 2) * std::log1p(-x);
        return complement ? GammaUpperTail(a, limit) : GammaLowerTail(a, limit);
    }
    if (b < kFew) {
        const double limit = -(a + (b - 1) / 2) * std::log(x);
        return complement ? GammaLowerTail(b, limit) : GammaUpperTail(b, limit);
    }
    const double root = DevianceRoot(x, a, b);
    return NormalUpperTail(complement ? -root : root);
}

}  // namespace

const char* Name(StatisticStatus status) {
    switch (status) {
        case StatisticStatus::kOk: return "ok";
        case StatisticStatus::kInsufficientData: return "insufficient_data";
        case StatisticStatus::kConstant: return "constant";
        case StatisticStatus::kInvalidInput: return "invalid_input";
    }
    return "invalid_input";
}

double NormalUpperTail(double z) {
    if (std::isnan(z)) return 1;
    return Probability(boost::math::erfc(z / std::numbers::sqrt2, Quiet()) / 2);
}

double NormalTwoSided(double z) {
    return std::min(1.0, 2 * NormalUpperTail(std::abs(z)));
}

double NormalQuantile(double p) {
    if (std::isnan(p)) return 0;
    if (p <= 0) return -kInfinity;
    if (p >= 1) return kInfinity;
    return -std::numbers::sqrt2 * boost::math::erfc_inv(2 * p, Quiet());
}

double ChiSquareUpperTail(double x, double df) {
    return GammaUpperTail(df / 2, x / 2);
}

double LogGammaQuantile(double shape, double z) {
    const double root = 1 - 1 / (9 * shape) + z / (3 * std::sqrt(shape));
    return std::log(shape) + 3 * std::log(std::max(root, 1e-4));
}

double StudentTUpperTail(double t, double df) {
    if (std::isnan(t) || !(df > 0)) return 1;
    if (t < 0) return Probability(1 - StudentTUpperTail(-t, df));
    if (std::isinf(t)) return 0;
    if (df > kLarge) return NormalUpperTail(std::isinf(df) ? t : std::sqrt(df * std::log1p(t / df * t)));
    // Most tails that a check computes.
    if (df >= 1 && df <= kFew && t >= 1e-6 && t <= 1e6) return StudentTail(t, df, Quick());
    return StudentTail(t, df, Quiet());
}

double StudentTTwoSided(double t, double df) {
    return std::min(1.0, 2 * StudentTUpperTail(std::abs(t), df));
}

double StudentTQuantile(double p, double df) {
    if (std::isnan(p) || !(df > 0)) return 0;
    if (p <= 0) return -kInfinity;
    if (p >= 1) return kInfinity;
    if (df > kLarge) return NormalQuantile(p);
    const double t = boost::math::quantile(boost::math::students_t_distribution<double, Quiet>(df), p);
    return std::isnan(t) ? 0 : t;
}

double KolmogorovUpperTail(double t) {
    if (std::isnan(t) || t <= 0) return 1;
    const double pi = std::numbers::pi;
    double sum = 0;
    if (t < 1) {
        // The alternating series would need many terms here; its theta transform needs four.
        for (int j = 1; j <= 7; j += 2) sum += std::exp(-j * j * pi * pi / (8 * t * t));
        return Probability(1 - std::sqrt(2 * pi) / t * sum);
    }
    for (int j = 1; j <= 8; ++j) sum += (j % 2 == 1 ? 2 : -2) * std::exp(-2.0 * j * j * t * t);
    return Probability(sum);
}

double BetaCdf(double x, double a, double b) {
    return IncompleteBeta(x, a, b, false);
}

double BinomialAtLeast(int64_t k, int64_t n, double p) {
    if (k <= 0 || n < 0 || std::isnan(p)) return 1;
    if (k > n || p <= 0) return 0;
    if (p >= 1) return 1;
    return BetaCdf(p, static_cast<double>(k), static_cast<double>(n - k) + 1);
}

double BinomialAtMost(int64_t k, int64_t n, double p) {
    if (n < 0 || std::isnan(p) || k >= n) return 1;
    if (k < 0) return 0;
    if (p <= 0) return 1;
    if (p >= 1) return 0;
    return IncompleteBeta(p, static_cast<double>(k) + 1, static_cast<double>(n - k), true);
}

double PoissonAtLeast(int64_t k, double mu) {
    if (k <= 0 || std::isnan(mu)) return 1;
    return GammaLowerTail(static_cast<double>(k), mu);
}

double PoissonAtMost(int64_t k, double mu) {
    if (std::isnan(mu)) return 1;
    if (k < 0) return 0;
    return GammaUpperTail(static_cast<double>(k) + 1, mu);
}

}  // namespace pulse::drift::statistics
