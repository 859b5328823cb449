#include <algorithm>

#include "detector_context.hpp"
#include "pulse/drift/statistics/probabilities.hpp"

namespace pulse::drift {

namespace {

// The prior "no over-dispersion" weighs as much as four snapshots.
constexpr double kRatePriorDegrees = 4;
// A season in a rate counts when it explains half of the variance.
constexpr double kSeasonExplains = 0.5;
constexpr size_t kPhasePoints = 3;

struct Pool {
    double hits = 0, total = 0, error2 = 0;
    double rate() const { return total > 0 ? hits / total : 0; }
};

Pool PoolOf(const std::vector<Count>& counts) {
    Pool pool;
    for (const Count& count : counts) {
        pool.hits += count.hits;
        pool.total += count.total;
        pool.error2 += count.error * count.error;
    }
    return pool;
}

// Pearson's chi-square of the counts against their pooled rate.
double Pearson(const std::vector<Count>& counts) {
    const double rate = PoolOf(counts).rate();
    if (rate <= 0 || rate >= 1) return 0;
    double sum = 0;
    for (const Count& count : counts) {
        const double expected = count.total * rate;
        const double variance = expected * (1 - rate) + count.error * count.error;
        if (variance > 0) sum += (count.hits - expected) * (count.hits - expected) / variance;
    }
    return sum;
}

// Quasi-binomial test: z of two proportions divided by the root of the dispersion, Student's t. With a single
// point it is the plain two-proportion z test.
RateTest Test(const Count& now, const Pool& pool, double pearson, double degrees, double least) {
    RateTest test;
    test.observed = now.hits / now.total;
    test.baseline = pool.rate();
    test.dispersion = std::max(1.0, (kRatePriorDegrees + pearson) / (kRatePriorDegrees + degrees));
    const double together = (now.hits + pool.hits) / (now.total + pool.total);
    const double variance = together * (1 - together) * (1 / now.total + 1 / pool.total) * test.dispersion +
                            now.error * now.error / (now.total * now.total) +
                            pool.error2 / (pool.total * pool.total);
    const double distance = std::abs(test.observed - test.baseline);
    if (distance == 0 || distance < least || variance <= 0) return test;
    const double z = distance / std::sqrt(variance);
    test.p_value = degrees > 0 ? statistics::StudentTTwoSided(z, kRatePriorDegrees + degrees)
                               : statistics::NormalTwoSided(z);
    return test;
}

void KeepUsable(std::vector<Count>& counts) {
    std::erase_if(counts, [](const Count& count) { return count.total <= 0; });
}

}  // namespace

std::optional<RateTest> TestRate(const Count& now, const std::vector<Count>& baseline, int phases,
                                 double least) {
    std::vector<Count> counts = baseline;
    KeepUsable(counts);
    if (counts.empty() || now.total <= 0) return std::nullopt;
    double pearson = Pearson(counts), degrees = static_cast<double>(counts.size()) - 1;
    bool seasonal = false;
    if (phases > 0 && counts.size() > 2 * static_cast<size_t>(phases)) {
        std::vector<Count> same;
        std::copy_if(counts.begin(), counts.end(), std::back_inserter(same),
                     [](const Count& c) { return c.same_phase; });
        const double within = Pearson(same), own = static_cast<double>(same.size()) - 1;
        if (same.size() >= kPhasePoints && within / own < kSeasonExplains * pearson / degrees) {
            counts = std::move(same);
            pearson = within;
            degrees = own;
            seasonal = true;
        }
    }
    RateTest test = Test(now, PoolOf(counts), pearson, degrees, least);
    test.points = counts.size();
    test.seasonal = seasonal;
    return test;
}

std::optional<RateTest> TestPinnedRate(const Count& now, const Count& pinned,
                                       const std::vector<Count>& others) {
    std::vector<Count> counts = others;
    KeepUsable(counts);
    if (pinned.total <= 0 || now.total <= 0) return std::nullopt;
    RateTest test = Test(now, PoolOf({pinned}), Pearson(counts),
                         std::max(0.0, static_cast<double>(counts.size()) - 1), 0);
    test.points = 1;
    return test;
}

}  // namespace pulse::drift
