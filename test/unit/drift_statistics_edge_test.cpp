// Statistics are total: whatever goes in, a named status and defined numbers come out.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <source_location>

#include "pulse/drift/statistics/attribution.hpp"
#include "pulse/drift/statistics/binned.hpp"
#include "pulse/drift/statistics/divergence.hpp"
#include "pulse/drift/statistics/probabilities.hpp"
#include "pulse/drift/statistics/multiple_testing.hpp"
#include "pulse/drift/statistics/proportion.hpp"
#include "pulse/drift/statistics/robust.hpp"
#include "pulse/drift/statistics/seasonal.hpp"

namespace pulse::drift::statistics {
namespace {

using Numbers = std::vector<double>;
using Rows = std::vector<int64_t>;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr int64_t kMost = int64_t{1} << 62;

#define EXPECT_P(p) EXPECT_TRUE((p) >= 0 && (p) <= 1) << #p << " = " << (p)
#define EXPECT_FINITE(x) EXPECT_TRUE(std::isfinite(x)) << #x << " = " << (x)

void ExpectFinite(const Numbers& values, std::source_location caller = std::source_location::current()) {
    for (const double value : values)
        EXPECT_TRUE(std::isfinite(value)) << value << ", line " << caller.line();
}

// Tables of counts that have broken other tools.
const std::vector<Rows> kTables{{},
                                {0},
                                {1},
                                {0, 0, 0},
                                {5, 0},
                                {0, 5},
                                {1, 1},
                                {-1, 5},
                                {kMost, 0},
                                {kMost, kMost},
                                {kMost, 1},
                                {1, 0, 0, 0, 1},
                                {3, 3, 3},
                                {0, 0, 9},
                                {100'000, 1},
                                {kMost, 1, 0, kMost},
                                {1, 2, 3, 4, 5}};

TEST(StatisticsTotality, Counts) {
    for (const Rows& a : kTables)
        for (const Rows& b : kTables) {
            const Psi psi = PopulationStability(a, b);
            EXPECT_P(psi.p_value);
            EXPECT_FINITE(psi.value);
            EXPECT_FINITE(psi.corrected);
            ExpectFinite(psi.contributions);
            const Distances d = CompareShares(a, b);
            for (const double share : {d.total_variation, d.total_variation_null_mean, d.l_infinity,
                                       d.hellinger, d.js_divergence, d.js_distance, d.js_p_value})
                EXPECT_P(share);
            ExpectFinite({d.kl_current, d.kl_reference, d.js_null_mean});
            const Homogeneity h = TestHomogeneity(a, b);
            for (const double p :
                 {h.p_value, h.g_p_value, h.pooled_p_value, h.cramers_v, h.cramers_v_corrected})
                EXPECT_P(p);
            ExpectFinite({h.statistic, h.g_statistic, h.pooled_statistic, h.min_expected});
            const BinnedKs ks = KolmogorovSmirnov(a, b);
            for (const double p : {ks.d, ks.d_upper, ks.p_value}) EXPECT_P(p);
            EXPECT_LE(ks.d, ks.d_upper + 1e-12);
            for (const double scale : {1.0, 1e300, 1e-300}) {
                Numbers edges;
                for (size_t i = 0; i <= a.size(); ++i) edges.push_back(scale * static_cast<double>(i));
                const BinnedWasserstein w = Wasserstein(a, b, edges);
                ExpectFinite({w.uniform, w.midpoint, w.normed, w.null_mean, w.reference_sd});
            }
        }
}

TEST(StatisticsTotality, StatusOfCounts) {
    EXPECT_EQ(PopulationStability(Rows{}, Rows{}).status, StatisticStatus::kInsufficientData);
    EXPECT_EQ(PopulationStability(Rows{0, 0}, Rows{1, 2}).status, StatisticStatus::kInsufficientData);
    EXPECT_EQ(PopulationStability(Rows{5}, Rows{7}).status, StatisticStatus::kConstant);
    EXPECT_EQ(PopulationStability(Rows{5, 0}, Rows{7, 0}).status, StatisticStatus::kConstant);
    EXPECT_EQ(PopulationStability(Rows{5, 1}, Rows{7}).status, StatisticStatus::kInvalidInput);
    EXPECT_EQ(CompareShares(Rows{5, -1}, Rows{7, 1}).status, StatisticStatus::kInvalidInput);
    EXPECT_EQ(TestHomogeneity(Rows{1, 0}, Rows{0, 1}).status,
              StatisticStatus::kInsufficientData);  // nothing left after pooling
    EXPECT_EQ(TestHomogeneity(Rows{1, 0}, Rows{0, 1}).pooled_p_value, 1);
    EXPECT_EQ(TestFisher(0, 0, 3, 4).status, StatisticStatus::kInsufficientData);
    EXPECT_EQ(TestFisher(3, 0, 4, 0).status, StatisticStatus::kConstant);
    EXPECT_STREQ(Name(StatisticStatus::kInsufficientData), "insufficient_data");
}

TEST(StatisticsTotality, CategoriesAbsentOnBothSidesAreIgnored) {
    const Rows a{100, 50, 25}, b{90, 60, 30}, a0{100, 0, 50, 25, 0}, b0{90, 0, 60, 30, 0};
    EXPECT_EQ(PopulationStability(a, b).value, PopulationStability(a0, b0).value);
    EXPECT_EQ(PopulationStability(a, b).p_value, PopulationStability(a0, b0).p_value);
    EXPECT_EQ(CompareShares(a, b).js_p_value, CompareShares(a0, b0).js_p_value);
    EXPECT_EQ(TestHomogeneity(a, b).p_value, TestHomogeneity(a0, b0).p_value);
}

TEST(StatisticsTotality, EqualSidesGivePValueOne) {
    for (const int64_t scale : {int64_t{1}, int64_t{1000}, kMost / 100}) {
        const Rows counts{10 * scale, 20 * scale, 70 * scale};
        EXPECT_EQ(PopulationStability(counts, counts).p_value, 1);
        EXPECT_EQ(CompareShares(counts, counts).total_variation, 0);
        EXPECT_GT(TestHomogeneity(counts, counts).p_value, 0.9);
        EXPECT_EQ(KolmogorovSmirnov(counts, counts).p_value, 1);
    }
}

TEST(StatisticsTotality, Distributions) {
    const Numbers odd{kNan, -kInf, kInf, 0, -1, 1, 1e308, -1e308, 1e-308, 0.5, 37, 1e18};
    for (const double x : odd)
        for (const double y : odd) {
            EXPECT_P(NormalUpperTail(x));
            EXPECT_P(NormalTwoSided(x));
            EXPECT_P(ChiSquareUpperTail(x, y));
            EXPECT_P(StudentTUpperTail(x, y));
            EXPECT_P(StudentTTwoSided(x, y));
            EXPECT_FALSE(std::isnan(StudentTQuantile(x, y)));
            EXPECT_FALSE(std::isnan(NormalQuantile(x)));
            EXPECT_P(KolmogorovUpperTail(x));
            EXPECT_P(KolmogorovSmirnovP(x, y, 100));
            for (const double z : odd) EXPECT_P(BetaCdf(x, y, z));
            for (const int64_t k : {int64_t{-1}, int64_t{0}, int64_t{1}, int64_t{100}, kMost}) {
                EXPECT_P(PoissonAtLeast(k, x));
                EXPECT_P(PoissonAtMost(k, x));
                for (const int64_t n : {int64_t{-1}, int64_t{0}, int64_t{100}, kMost}) {
                    EXPECT_P(BinomialAtLeast(k, n, x));
                    EXPECT_P(BinomialAtMost(k, n, x));
                }
            }
        }
}

TEST(StatisticsDistributions, TailsStayTails) {
    EXPECT_NEAR(NormalUpperTail(-37), 1, 1e-15);
    EXPECT_GT(NormalUpperTail(37), 0);
    EXPECT_NEAR(StudentTUpperTail(3, 1e12) / NormalUpperTail(3), 1, 1e-9);
    EXPECT_NEAR(StudentTUpperTail(-2, 5), 1 - StudentTUpperTail(2, 5), 1e-15);
    EXPECT_NEAR(StudentTUpperTail(1e150, 1) * M_PI * 1e150, 1, 1e-9);
    // Where the quick computation ends.
    for (const double df : {1.0, 30.0, 1e6}) {
        EXPECT_NEAR(StudentTUpperTail(1e-6, df) / StudentTUpperTail(0.9999999e-6, df), 1, 1e-9);
        EXPECT_NEAR(StudentTUpperTail(3, df) / StudentTUpperTail(3, df * (1 + 1e-12)), 1, 1e-9);
    }
    EXPECT_NEAR(PoissonAtLeast(1'000'000'000'000, 1e12 - 3e6) / NormalUpperTail(3), 1, 1e-3);
    EXPECT_NEAR(KolmogorovUpperTail(1 - 1e-12), KolmogorovUpperTail(1 + 1e-12), 1e-11);
}

TEST(StatisticsCategorical, FisherIsExactInTheTailAndOneWithBigMargins) {
    EXPECT_NEAR(TestFisher(50, 0, 0, 50).p_value * 1.0089134454556417e29 / 2, 1, 1e-9);  // 2 / C(100, 50)
    const double exact = TestFisher(60'000, 40'000, 59'500, 40'500).p_value;
    EXPECT_NEAR(TestFisher(60'001, 40'001, 59'500, 40'501).p_value / exact, 1, 0.05);
    EXPECT_P(TestFisher(kMost, kMost, kMost, kMost).p_value);
    EXPECT_P(TestFisher(3, kMost, 12, kMost).p_value);
    EXPECT_NEAR(TestFisher(3, kMost, 12, kMost).p_value, 2 * BinomialAtMost(3, 15, 0.5), 1e-9);
}

TEST(StatisticsCategorical, NewValueAtAnySize) {
    EXPECT_EQ(NewValueP(1000, 0, 1000), 1);
    EXPECT_EQ(NewValueP(0, 5, 1000), 1);
    EXPECT_EQ(NewValueP(1000, 2000, 1000), 1);  // more than there are
    EXPECT_NEAR(NewValueP(kMost, 2, kMost), 0.25, 1e-9);
    EXPECT_EQ(NewValueP(kMost, kMost, kMost), 0);
    // Beyond the longest product: (1 - x/all)^reference = 1/e², up to the curvature.
    EXPECT_NEAR(NewValueP(1'000'000, 2'000'000, 999'999'000'000), std::exp(-2.000003), 1e-6);
    // Where the product ends and the integral begins.
    EXPECT_NEAR(
        NewValueP(10'000'000, 100'000, 1'000'000'000'000) / NewValueP(10'000'000, 100'001, 1'000'000'000'000),
        1, 2e-5);
}

TEST(StatisticsBinned, OpenOuterBins) {
    // Edges 10 and 20 with 0…10 and 20…30 outside: the same as closed edges 0, 10, 20, 30.
    const Rows a{10, 20, 10}, b{5, 20, 15};
    const BinnedWasserstein closed = Wasserstein(a, b, Numbers{0, 10, 20, 30});
    EXPECT_NEAR(WassersteinOpen(a, b, Numbers{10, 20}, 0, 30).uniform, closed.uniform, 1e-12);
    EXPECT_NEAR(WassersteinOpen(a, b, Numbers{10, 20}, kNan, 5).uniform, closed.uniform, 1e-12);
    EXPECT_EQ(WassersteinOpen(a, b, Numbers{}, 0, 30).status, StatisticStatus::kInvalidInput);
    EXPECT_EQ(WassersteinOpen(a, b, Numbers{20, 10}, 0, 30).status, StatisticStatus::kInvalidInput);
    EXPECT_EQ(WassersteinOpen(a, b, Numbers{10, kInf}, 0, 30).status, StatisticStatus::kInvalidInput);
    EXPECT_EQ(Wasserstein(Rows{5}, Rows{7}, Numbers{3, 3}).status, StatisticStatus::kConstant);
}

TEST(StatisticsBinned, NullMeanIsTheExpectedValue) {
    std::mt19937_64 random(1);
    std::uniform_int_distribution<size_t> bin(0, 9);
    const Numbers edges{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    double seen = 0, expected = 0;
    for (int round = 0; round < 300; ++round) {
        Rows a(10, 0), b(10, 0);
        for (int i = 0; i < 400; ++i) ++a[bin(random)];
        for (int i = 0; i < 200; ++i) ++b[bin(random)];
        const BinnedWasserstein w = Wasserstein(a, b, edges);
        seen += w.uniform;
        expected += w.null_mean;
    }
    EXPECT_NEAR(seen / expected, 1, 0.15);
}

TEST(StatisticsTotality, Rates) {
    const std::vector<Proportion> odd{
        {0, 0},           {0, 1},    {1, 1},         {5, 3},     {-1, 4},
        {0, kMost},       {3, 5},    {kMost, kMost}, {3, kMost}, {kMost / 2, kMost},
        {0, 100'000'000}, {30, 1000}};
    for (const Proportion& a : odd)
        for (const Proportion& b : odd) {
            const TwoProportions t = CompareProportions(a, b);
            EXPECT_P(t.p_value);
            ExpectFinite({t.z, t.difference});
        }
}

const std::vector<Numbers> kSeries{{},
                                   {1},
                                   {kNan},
                                   {kInf, -kInf, kNan},
                                   Numbers(40, 0),
                                   Numbers(40, 7),
                                   Numbers(40, kNan),
                                   {1, 2, 3},
                                   {1e308, -1e308, 1e308, -1e308, 1e308, 5, 5, 5},
                                   {1, kNan, 3, 4, kInf, 6, 7, 8, 9, kNan, 11, 12, 13, 14, 15, 16},
                                   {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1e-308, 0, 0, 0, 0, 0}};

TEST(StatisticsTotality, Series) {
    for (const Numbers& x : kSeries) {
        const Spread spread = MeasureSpread(x);
        ExpectFinite(
            {Quantile(x, 0.3), Quantile(x, kNan), Quantile(x, 7), spread.median, spread.sigma, spread.mad});
        for (const Scale scale : {Scale::kLinear, Scale::kLog, Scale::kLogit})
            for (const size_t period : {size_t{0}, size_t{1}, size_t{2}, size_t{7}, size_t{1} << 40}) {
                const SeasonalFit fit = RobustSeasonalFit(x, period, scale);
                ExpectFinite({fit.predicted, fit.sigma, fit.expected, fit.level, fit.At(4), fit.At(kInf)});
                for (const double value : {0.0, kNan, kInf, 1e308}) EXPECT_LE(std::abs(fit.Z(value)), kZCap);
                EXPECT_EQ(fit.residuals.size(), x.size());
            }
        EXPECT_FINITE(SenSlope(x, x));
        ExpectFinite(AdjustBenjaminiHochberg(x));
    }
}

TEST(StatisticsTotality, StatusOfSeries) {
    EXPECT_EQ(MeasureSpread(Numbers{}).status, StatisticStatus::kInsufficientData);
    EXPECT_EQ(MeasureSpread(Numbers(9, 4)).status, StatisticStatus::kConstant);
    EXPECT_EQ(RobustSeasonalFit(Numbers(14, 4), 7).status, StatisticStatus::kInsufficientData);
    EXPECT_EQ(RobustSeasonalFit(Numbers(15, 4), 7).status, StatisticStatus::kConstant);
    EXPECT_EQ(RobustSeasonalFit(Numbers(15, 4), 0).status, StatisticStatus::kInvalidInput);
}

// Eight weeks of 1000 members with a weekend at 60 %, growing 0.5 % a day, without noise.
Numbers Weekly(size_t days) {
    Numbers sizes;
    for (size_t day = 0; day < days; ++day)
        sizes.push_back(1000 * std::pow(1.005, static_cast<double>(day)) * (day % 7 >= 5 ? 0.6 : 1));
    return sizes;
}

TEST(StatisticsSeasonal, GapsDoNotMoveTheExpectation) {
    Numbers sizes = Weekly(56);
    const double next = 1000 * std::pow(1.005, 56);
    EXPECT_NEAR(RobustSeasonalFit(sizes, 7, Scale::kLog).expected / next, 1, 1e-9);
    for (size_t i = 20; i < 30; ++i) sizes[i] = kNan;  // a long incident
    sizes[54] = kNan;
    const SeasonalFit fit = RobustSeasonalFit(sizes, 7, Scale::kLog, 0.01);
    EXPECT_NEAR(fit.expected / next, 1, 1e-9);
    EXPECT_EQ(fit.points, 45);
    EXPECT_NEAR(fit.Z(next * std::exp(-0.05)), -5, 1e-6);
    EXPECT_TRUE(std::isnan(fit.residuals[25]));
}

TEST(StatisticsSeasonal, AnUnknownPhaseGivesNoExpectation) {
    Numbers sizes = Weekly(56);
    for (size_t i = 0; i < sizes.size(); i += 7) sizes[i] = kNan;
    EXPECT_EQ(RobustSeasonalFit(sizes, 7, Scale::kLog).status, StatisticStatus::kInsufficientData);
}

TEST(StatisticsSlope, LongSeriesAreQuick) {
    Numbers x(100'000), times(100'000);
    for (size_t i = 0; i < x.size(); ++i) {
        times[i] = static_cast<double>(i);
        x[i] = 0.25 * times[i] + static_cast<double>(i * 7919 % 13);
    }
    EXPECT_NEAR(SenSlope(times, x), 0.25, 1e-3);
}

TEST(StatisticsMultiple, NanNeverEnters) {
    const Numbers with{0.01, kNan, 0.02, kNan, kNan};
    EXPECT_EQ(AdjustBenjaminiHochberg(with), (Numbers{0.02, 1, 0.02, 1, 1}));
}

TEST(StatisticsTotality, Attribution) {
    const std::vector<Numbers> sides{{},      {0, 0},    {1, 0},    {0, 1},         {1, 1},
                                     {-1, 2}, {kNan, 1}, {kInf, 1}, {1e308, 1e308}, {1e60, 1e-300}};
    for (const Numbers& a : sides)
        for (const Numbers& b : sides) {
            const Attribution attribution = Attribute(a, b);
            ExpectFinite(attribution.explained);
            ExpectFinite(attribution.surprise);
        }
    EXPECT_EQ(Attribute(Numbers{1, 2}, Numbers{2, 1}).status, StatisticStatus::kConstant);
    EXPECT_EQ(Attribute(Numbers{}, Numbers{}).status, StatisticStatus::kInsufficientData);
    EXPECT_EQ(Attribute(Numbers{1}, Numbers{1, 2}).status, StatisticStatus::kInvalidInput);
}

}  // namespace
}  // namespace pulse::drift::statistics
