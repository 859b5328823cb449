// Every statistic against every case of test/unit/stat-reference.json (scipy 1.10.1 and statsmodels 0.13.5),
// within 1e-9.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

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

using Json = nlohmann::json;
using Numbers = std::vector<double>;
using Figures = std::map<std::string, Numbers>;  // by the reference's names
using Computation = std::function<Figures(const Json& in)>;

Numbers List(const Json& value) {
    Numbers numbers;
    for (const Json& item : value.is_array() ? value : Json::array({value})) {
        if (item.is_array())
            for (const double number : List(item)) numbers.push_back(number);
        else if (item.is_string())
            numbers.push_back(std::stod(item.get<std::string>()));
        else
            numbers.push_back(item.get<double>());
    }
    return numbers;
}

std::vector<int64_t> Integers(const Json& value) {
    return value.get<std::vector<int64_t>>();
}

Proportion Of(const Json& in, const char* successes, const char* trials) {
    return {in[successes].get<int64_t>(), in[trials].get<int64_t>()};
}

template <typename Function>
Numbers Map(const Json& values, Function function) {
    Numbers result;
    for (const double value : List(values)) result.push_back(function(value));
    return result;
}

Figures TailFigures(const Json& in) {
    const int64_t k = in["k"], n = in["n"];
    const double p = in["p"], mu = in["mu"];
    return {{"binom_sf_ge", {BinomialAtLeast(k, n, p)}},
            {"binom_cdf", {BinomialAtMost(k, n, p)}},
            {"poisson_sf_ge", {PoissonAtLeast(k, mu)}},
            {"poisson_cdf", {PoissonAtMost(k, mu)}}};
}

Figures PsiFigures(const Json& in) {
    const Psi psi = PopulationStability(Integers(in["ref"]), Integers(in["cur"]));
    Figures figures{{"psi_jeffreys_0.5", {psi.value}},
                    {"null_mean", {psi.null_mean}},
                    {"psi_bias_corrected", {psi.corrected}},
                    {"p_value_chi2", {psi.p_value}},
                    {"contrib_jeffreys", psi.contributions}};
    if (psi.raw) figures["psi_raw"] = {*psi.raw};
    return figures;
}

Figures DistanceFigures(const Json& in) {
    const Distances d = CompareShares(Integers(in["ref"]), Integers(in["cur"]));
    EXPECT_EQ(TotalVariation(Integers(in["ref"]), Integers(in["cur"])), d.total_variation);
    return {{"js_distance_base2", {d.js_distance}},
            {"js_divergence_bits", {d.js_divergence}},
            {"hellinger", {d.hellinger}},
            {"tvd", {d.total_variation}},
            {"l_infinity", {d.l_infinity}},
            {"kl_jeffreys_cur_ref_nats", {d.kl_current}},
            {"kl_jeffreys_ref_cur_nats", {d.kl_reference}},
            {"js_null_mean_nats", {d.js_null_mean * M_LN2}},
            {"js_p_value", {d.js_p_value}}};
}

Figures HomogeneityFigures(const Json& in) {
    const Homogeneity t = TestHomogeneity(Integers(in["ref"]), Integers(in["cur"]));
    return {{"stat", {t.statistic}},
            {"p", {t.p_value}},
            {"dof", {static_cast<double>(t.degrees)}},
            {"min_expected", {t.min_expected}},
            {"cramers_v", {t.cramers_v}},
            {"cramers_v_bias_corrected", {t.cramers_v_corrected}},
            {"g_stat", {t.g_statistic}},
            {"g_p", {t.g_p_value}},
            {"pooled_stat", {t.pooled_statistic}},
            {"pooled_p", {t.pooled_p_value}},
            {"pooled_dof", {static_cast<double>(t.pooled_degrees)}}};
}

Figures FisherFigures(const Json& in) {
    const auto table = in["table"].get<std::vector<std::vector<int64_t>>>();
    const FisherExact test = TestFisher(table[0][0], table[0][1], table[1][0], table[1][1]);
    return {{"odds_ratio", {test.odds_ratio}}, {"p", {test.p_value}}};
}

// Raw samples as a histogram with a point bin per value: exact.
Figures SampleFigures(const Json& in) {
    std::map<double, std::pair<int64_t, int64_t>> values;
    for (const double value : List(in["a"])) ++values[value].first;
    for (const double value : List(in["b"])) ++values[value].second;
    std::vector<int64_t> reference, current;
    for (const auto& [value, counts] : values) {
        reference.push_back(counts.first);
        current.push_back(counts.second);
    }
    const BinnedKs ks = KolmogorovSmirnov(reference, current);
    return {{"D", {ks.d}}, {"p_stephens", {ks.p_value}}};
}

Figures BinnedFigures(const Json& in) {
    const auto reference = Integers(in["ref"]), current = Integers(in["cur"]);
    const BinnedKs ks = KolmogorovSmirnov(reference, current);
    const BinnedWasserstein w = Wasserstein(reference, current, List(in["edges"]));
    return {{"D_binned", {ks.d}},
            {"p_stephens", {ks.p_value}},
            {"w1_midpoint", {w.midpoint}},
            {"w1_uniform", {w.uniform}},
            {"ref_std_uniform", {w.reference_sd}},
            {"w1_uniform_normed", {w.normed}}};
}

// The reference's z is before minus now.
Figures ProportionFigures(const Json& in) {
    const Proportion before = Of(in, "x1", "n1"), now = Of(in, "x2", "n2");
    const TwoProportions t = CompareProportions(before, now);
    return {{"z_pooled", {-t.z}}, {"p_pooled", {t.p_value}}, {"diff_p2_minus_p1", {t.difference}}};
}

Figures RobustFigures(const Json& in) {
    const Numbers history = List(in["history"]);
    const Spread spread = MeasureSpread(history);
    return {{"median", {spread.median}},
            {"mad", {spread.mad}},
            {"mad_scaled", {kMadToSigma * spread.mad}},
            {"mean_ad", {spread.mean_deviation}},
            {"q1_type7", {Quantile(history, 0.25)}},
            {"q3_type7", {Quantile(history, 0.75)}}};
}

Figures TrendFigures(const Json& in) {
    const Numbers x = List(in["x"]);
    Numbers times;
    for (size_t i = 0; i < x.size(); ++i) times.push_back(static_cast<double>(i));
    return {{"sen_slope", {SenSlope(times, x)}}};
}

Figures SeasonalFigures(const Json& in) {
    Numbers y = List(in["y"]);
    const double value = y.back();
    y.pop_back();
    y.erase(y.begin(), y.end() - in["window"].get<std::ptrdiff_t>());
    const SeasonalFit fit = RobustSeasonalFit(y, in["period"], Scale::kLog, 0.01);
    return {{"slope_per_step", {fit.slope}},    {"level", {fit.level}},
            {"season_at_target", {fit.season}}, {"recent_adjust", {fit.recent}},
            {"pred_log", {fit.predicted}},      {"pred", {fit.expected}},
            {"sigma_log", {fit.sigma}},         {"z", {fit.Z(value)}}};
}

Figures AttributionFigures(const Json& in) {
    const Attribution a = Attribute(List(in["F"]), List(in["A"]));
    return {
        {"surprise", a.surprise}, {"surprise_sum", {a.total_surprise}}, {"explanatory_power", a.explained}};
}

const std::map<std::string, Computation>& Computations() {
    static const std::map<std::string, Computation> computations{
        {"normal_sf",
         [](const Json& in) {
             return Figures{{"sf", Map(in["x"], NormalUpperTail)}, {"ppf", Map(in["p"], NormalQuantile)}};
         }},
        {"chi2_sf",
         [](const Json& in) {
             return Figures{{"sf", {ChiSquareUpperTail(in["x"], in["df"])}}};
         }},
        {"kolmogorov_sf",
         [](const Json& in) {
             return Figures{{"sf", {KolmogorovUpperTail(in["t"])}}};
         }},
        {"beta_cdf",
         [](const Json& in) {
             return Figures{{"cdf", {BetaCdf(in["x"], in["a"], in["b"])}}};
         }},
        {"student_t",
         [](const Json& in) {
             return Figures{{"sf", {StudentTUpperTail(in["x"], in["df"])}},
                            {"ppf", {StudentTQuantile(in["p"], in["df"])}}};
         }},
        {"binom_poisson_tail", TailFigures},
        {"psi", PsiFigures},
        {"categorical_distances", DistanceFigures},
        {"chi2_homogeneity", HomogeneityFigures},
        {"fisher_exact_2x2", FisherFigures},
        {"two_sample_numeric", SampleFigures},
        {"binned_numeric", BinnedFigures},
        {"two_proportions", ProportionFigures},
        {"new_category",
         [](const Json& in) {
             return Figures{{"p", {NewValueP(in["n_ref"], in["x"], in["n_cur"])}}};
         }},
        {"robust_z", RobustFigures},
        {"mann_kendall", TrendFigures},
        {"multiple_testing",
         [](const Json& in) {
             return Figures{{"bh", AdjustBenjaminiHochberg(List(in["p"]))}};
         }},
        {"robust_seasonal_baseline", SeasonalFigures},
        {"adtributor_fundamental", AttributionFigures},
        {"quantile_type7",
         [](const Json& in) {
             const Numbers x = List(in["x"]);
             return Figures{{"q", Map(in["p"], [&](double p) { return Quantile(x, p); })}};
         }},
    };
    return computations;
}

const Json& Reference() {
    static const Json reference = [] {
        std::ifstream file("test/unit/stat-reference.json");
        return Json::parse(file);
    }();
    return reference;
}

bool Equal(double actual, double expected) {
    return actual == expected || std::abs(actual - expected) <= 1e-9 * std::abs(expected);
}

class StatisticsReference : public testing::TestWithParam<std::string> {};

TEST_P(StatisticsReference, Agrees) {
    const Computation& compute = Computations().at(GetParam());
    int compared = 0;
    for (const Json& item : Reference().at(GetParam()).at("cases")) {
        for (const auto& [name, actual] : compute(item["in"])) {
            ASSERT_TRUE(item["out"].contains(name)) << name;
            const Numbers expected = List(item["out"][name]);
            ASSERT_EQ(actual.size(), expected.size()) << name << " of " << item["in"];
            for (size_t i = 0; i < actual.size(); ++i, ++compared)
                EXPECT_TRUE(Equal(actual[i], expected[i]))
                    << name << "[" << i << "] of " << item["in"] << ": " << actual[i] << " instead of "
                    << expected[i];
        }
    }
    EXPECT_GT(compared, 0);
}

std::vector<std::string> Keys() {
    std::vector<std::string> keys;
    for (const auto& [key, computation] : Computations()) keys.push_back(key);
    return keys;
}

INSTANTIATE_TEST_SUITE_P(, StatisticsReference, testing::ValuesIn(Keys()),
                         [](const auto& test) { return test.param; });

// What the product does not use, and so does not have. Everything else in the file must be tested above.
TEST(StatisticsReferenceFile, IsCovered) {
    const std::set<std::string> unused{"_meta",
                                       "stl",
                                       "holt_winters_additive",
                                       "generalized_esd_critical",
                                       "pot_exponential_tail",
                                       "histogram_edges",
                                       "quasi_binomial_rate",
                                       "two_poisson_rates",
                                       "cusum",
                                       "cusum_arl",
                                       "page_hinkley",
                                       "ewma_chart",
                                       "changepoint_l2",
                                       "changepoint_single",
                                       "p_combination",
                                       "adtributor_derived",
                                       "mix_rate_decomposition"};
    for (const auto& [key, value] : Reference().items())
        EXPECT_NE(Computations().contains(key), unused.contains(key)) << key;
}

}  // namespace
}  // namespace pulse::drift::statistics
