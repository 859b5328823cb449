// Tail probabilities, exact into the far tail (1e-300 is not 0). Never throw, never NaN; every parameter out
// of range gives the limit that it tends to.
#pragma once

#include <cstdint>

namespace pulse::drift::statistics {

// P(Z > z) of the standard normal.
double NormalUpperTail(double z);
// P(|Z| > |z|).
double NormalTwoSided(double z);
// The z below which a share p lies; -inf and +inf at 0 and 1.
double NormalQuantile(double p);

// P(X > x), chi-square with df degrees of freedom; 1 where df <= 0.
double ChiSquareUpperTail(double x, double df);

// The logarithm of the quantile of a Gamma(shape) variable at the standard normal z (Wilson and Hilferty).
double LogGammaQuantile(double shape, double z);

// P(T > t), Student t with df degrees of freedom.
double StudentTUpperTail(double t, double df);
// P(|T| > |t|).
double StudentTTwoSided(double t, double df);
// The t below which a share p lies.
double StudentTQuantile(double p, double df);

// P(K > t), the limiting distribution of Kolmogorov and Smirnov.
double KolmogorovUpperTail(double t);

// The regularised incomplete beta I_x(a, b).
double BetaCdf(double x, double a, double b);

// P(X >= k) and P(X <= k) of n trials with probability p.
double BinomialAtLeast(int64_t k, int64_t n, double p);
double BinomialAtMost(int64_t k, int64_t n, double p);

// P(N >= k) and P(N <= k) of a Poisson count with mean mu.
double PoissonAtLeast(int64_t k, double mu);
double PoissonAtMost(int64_t k, double mu);

}  // namespace pulse::drift::statistics
