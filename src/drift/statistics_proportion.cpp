#include "pulse/drift/statistics/proportion.hpp"

#include "pulse/drift/statistics/probabilities.hpp"
#include "statistics_common.hpp"

namespace pulse::drift::statistics {

namespace {

// Where sums over single counts end and approximations, by then exact to all digits, begin.
constexpr double kExactTrials = 1e9, kExactSpread = 20'000, kRareHits = 10'000;
// Counts up to here can be added.
constexpr int64_t kMostRows = int64_t{1} << 62;

bool Valid(const Proportion& p) {
    return p.successes >= 0 && p.trials >= p.successes;
}

long double LogGamma(long double x) {
    return std::lgamma(x);
}

// log of the beta-binomial probability of x among n; in long double ten digits survive the differences.
double LogBetaBinomial(double x, double n, double a, double b) {
    const auto choose = LogGamma(n + 1.0L) - LogGamma(x + 1.0L) - LogGamma(n - x + 1.0L);
    const auto beta = LogGamma(x + static_cast<long double>(a)) +
                      LogGamma(n - x + static_cast<long double>(b)) -
                      LogGamma(n + static_cast<long double>(a) + b);
    const auto prior = LogGamma(a) + LogGamma(b) - LogGamma(static_cast<long double>(a) + b);
    return static_cast<double>(choose + beta - prior);
}

// P(X <= x) or, upwards, P(X >= x), in units of P(X = x), summed away from the mean.
double TailInUnits(double x, double n, double a, double b, bool upwards) {
    double sum = 1, term = 1;
    while (upwards ? x < n : x > 0) {
        if (upwards) {
            term *= (n - x) / (x + 1) * ((x + a) / (n - x - 1 + b));
            x += 1;
        } else {
            term *= x / (n - x + 1) * ((n - x + b) / (x - 1 + a));
            x -= 1;
        }
        sum += term;
        if (term < 1e-17 * sum) break;
    }
    return sum;
}

// Two-sided mid-p of the current successes under the predictive distribution that the reference gives.
double PredictiveP(const Proportion& reference, const Proportion& current, double pooled_p) {
    const double x1 = static_cast<double>(reference.successes), n1 = static_cast<double>(reference.trials);
    const double x = static_cast<double>(current.successes), n = static_cast<double>(current.trials);
    const double a = x1 + 0.5, b = n1 - x1 + 0.5;
    const double mean = n * a / (a + b);
    const double spread = std::sqrt(n * a * b * (a + b + n) / ((a + b) * (a + b) * (a + b + 1)));
    if (n + n1 > kExactTrials || spread > kExactSpread) {
        if (x + x1 < kRareHits) return ComparePoisson(reference.successes, n1, current.successes, n).mid_p;
        return pooled_p;
    }
    const double tail = TailInUnits(x, n, a, b, x > mean) - 0.5;
    const double p = tail * std::exp(LogBetaBinomial(x, n, a, b));
    return std::clamp(2 * std::min(p, 1 - p), 0.0, 1.0);
}

}  // namespace

Interval Wilson(Proportion proportion, double confidence) {
    if (!Valid(proportion) || proportion.trials == 0 || !(confidence > 0) || !(confidence < 1)) return {};
    const double z = NormalQuantile(0.5 + confidence / 2), n = static_cast<double>(proportion.trials);
    const double p = proportion.rate(), spread = z * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
    const double middle = p + z * z / (2 * n), scale = 1 + z * z / n;
    // At the ends the interval ends exactly there.
    const double low = proportion.successes == 0 ? 0 : (middle - spread) / scale;
    const double high = proportion.successes == proportion.trials ? 1 : (middle + spread) / scale;
    return {std::clamp(low, 0.0, 1.0), std::clamp(high, 0.0, 1.0)};
}

TwoProportions CompareProportions(Proportion reference, Proportion current, double confidence) {
    TwoProportions result;
    if (!Valid(reference) || !Valid(current)) {
        result.status = StatisticStatus::kInvalidInput;
        return result;
    }
    if (reference.trials == 0 || current.trials == 0) return result;
    const double n = static_cast<double>(reference.trials), m = static_cast<double>(current.trials);
    const double before = reference.rate(), now = current.rate();
    result.difference = now - before;
    const Interval first = Wilson(reference, confidence), second = Wilson(current, confidence);
    result.newcombe = {result.difference - std::hypot(now - second.low, first.high - before),
                       result.difference + std::hypot(second.high - now, before - first.low)};
    const double pooled =
        (static_cast<double>(reference.successes) + static_cast<double>(current.successes)) / (n + m);
    const double variance = pooled * (1 - pooled) * (1 / n + 1 / m);
    result.status = variance > 0 ? StatisticStatus::kOk : StatisticStatus::kConstant;
    if (variance > 0) {
        result.z = result.difference / std::sqrt(variance);
        result.p_value = NormalTwoSided(result.z);
        result.predictive_p = PredictiveP(reference, current, result.p_value);
    }
    return result;
}

QuasiBinomial CompareRate(std::span<const Proportion> history, Proportion current) {
    QuasiBinomial result;
    double hits = 0, trials = 0;
    for (const Proportion& day : history) {
        if (!Valid(day)) result.status = StatisticStatus::kInvalidInput;
        if (!Valid(day) || day.trials == 0) continue;
        hits += static_cast<double>(day.successes);
        trials += static_cast<double>(day.trials);
        ++result.days;
    }
    if (!Valid(current)) result.status = StatisticStatus::kInvalidInput;
    if (result.status == StatisticStatus::kInvalidInput || result.days == 0 || current.trials == 0)
        return result;
    result.rate = hits / trials;
    // A history of nothing but 0 or 1 still allows for half a row of the other.
    const bool constant = hits == 0 || hits == trials;
    const double spread = constant ? 0.5 / (trials + 1) : result.rate * (1 - result.rate);
    double chi2 = 0;
    if (!constant)
        for (const Proportion& day : history) {
            if (day.trials == 0) continue;
            const double n = static_cast<double>(day.trials),
                         off = static_cast<double>(day.successes) - n * result.rate;
            chi2 += off / (n * spread) * off;
        }
    const auto degrees = static_cast<double>(result.days - 1);
    if (degrees > 0) result.phi_raw = chi2 / degrees;
    result.phi = std::max(1.0, result.phi_raw);
    const double variance = spread * (1 / static_cast<double>(current.trials) + 1 / trials);
    result.z_binomial = (current.rate() - result.rate) / std::sqrt(variance);
    result.p_binomial = NormalTwoSided(result.z_binomial);
    result.z = result.z_binomial / std::sqrt(result.phi);
    result.status = constant ? StatisticStatus::kConstant : StatisticStatus::kOk;
    if (degrees > 0)
        result.p_value = StudentTTwoSided(result.z, degrees);
    else
        result.status = StatisticStatus::kInsufficientData;
    return result;
}

PoissonRates ComparePoisson(int64_t reference, double reference_exposure, int64_t current,
                            double current_exposure) {
    PoissonRates result;
    if (reference < 0 || current < 0 || std::max(reference, current) > kMostRows ||
        !(reference_exposure > 0) || !(current_exposure > 0) ||
        std::max(reference_exposure, current_exposure) > kHuge ||
        std::min(reference_exposure, current_exposure) < 1 / kHuge) {
        result.status = StatisticStatus::kInvalidInput;
        return result;
    }
    if (reference == 0 && current == 0) return result;
    result.status = StatisticStatus::kOk;
    const double before = static_cast<double>(reference) / reference_exposure;
    const double now = static_cast<double>(current) / current_exposure;
    result.ratio = before > 0 ? now / before : std::numeric_limits<double>::infinity();
    result.z =
        2 * (std::sqrt(now) - std::sqrt(before)) / std::sqrt(1 / reference_exposure + 1 / current_exposure);
    // Given the sum, the current count is binomial.
    const double share = current_exposure / (reference_exposure + current_exposure);
    const auto sum = static_cast<int64_t>(
        std::min<uint64_t>(static_cast<uint64_t>(reference) + static_cast<uint64_t>(current), INT64_MAX));
    const bool above = static_cast<double>(current) > share * static_cast<double>(sum);
    const double tail = above ? BinomialAtLeast(current, sum, share) : BinomialAtMost(current, sum, share);
    const double beyond =
        above ? BinomialAtLeast(current + 1, sum, share) : BinomialAtMost(current - 1, sum, share);
    result.p_value = std::min(1.0, 2 * std::min(tail, 1 - beyond));
    result.mid_p = std::min(tail + beyond, 2 - tail - beyond);
    return result;
}

}  // namespace pulse::drift::statistics
