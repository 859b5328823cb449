// Statistics of experiments against published examples, and the answers made of them.
#include "pulse/insight/experiment.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <random>

#include "pulse/base/error.hpp"

namespace pulse::insight {
namespace {

void ExpectInterval(const Interval& interval, double low, double high, double tolerance) {
    EXPECT_NEAR(interval.low, low, tolerance);
    EXPECT_NEAR(interval.high, high, tolerance);
}

// From a sum and a sum of squares.
Sample FromSums(double sum, double squares, int64_t n) {
    return {n, sum / n, (squares - sum * sum / n) / (n - 1)};
}

// Newcombe (1998), "Two-sided confidence intervals for the single proportion", Table I, method 3.
TEST(InsightExperiment, WilsonAsPublished) {
    ExpectInterval(WilsonInterval(81, 263, 0.95), 0.2553, 0.3662, 5e-5);
    ExpectInterval(WilsonInterval(15, 148, 0.95), 0.0624, 0.1605, 5e-5);
    ExpectInterval(WilsonInterval(0, 20, 0.95), 0, 0.1611, 5e-5);
    ExpectInterval(WilsonInterval(1, 29, 0.95), 0.0061, 0.1718, 5e-5);
}

// Newcombe (1998), "Interval estimation for the difference between independent proportions", Table II, method
// 10, whose difference is the first minus the second.
TEST(InsightExperiment, DifferenceOfRatesAsPublished) {
    const auto difference = [](int a, int m, int b, int n) { return NewcombeInterval(b, n, a, m, 0.95); };
    ExpectInterval(difference(56, 70, 48, 80), 0.0524, 0.3339, 5e-5);
    ExpectInterval(difference(9, 10, 3, 10), 0.1705, 0.8090, 5e-5);
    ExpectInterval(difference(6, 7, 2, 7), 0.0582, 0.8062, 5e-5);
    ExpectInterval(difference(5, 56, 0, 29), -0.0381, 0.1926, 5e-5);
    ExpectInterval(difference(0, 10, 0, 20), -0.1611, 0.2775, 5e-5);
    ExpectInterval(difference(0, 10, 0, 10), -0.2775, 0.2775, 5e-5);
    ExpectInterval(difference(10, 10, 0, 20), 0.6791, 1, 5e-5);
    ExpectInterval(difference(10, 10, 0, 10), 0.6075, 1, 5e-5);
}

// Two samples of 15, means 20.8 and 23.0, variances 7.9 and 3.8: t = -2.46 and p = 0.021 as published, from
// figures that were not rounded.
TEST(InsightExperiment, WelchAsPublished) {
    const Estimate difference = Difference({15, 23.0, 3.8}, {15, 20.8, 7.9});
    EXPECT_NEAR(difference.value / difference.error, -2.46, 0.05);
    EXPECT_NEAR(difference.degrees, 25, 0.5);
    EXPECT_NEAR(FixedP(difference), 0.02, 0.002);
    // GrowthBook's engine: means 0.41 and 0.7, deviations 3.9 and 6.2.
    const Estimate other = Difference({3407, 0.41, 3.9 * 3.9}, {3461, 0.7, 6.2 * 6.2});
    ExpectInterval(FixedInterval(other, 0.95), 0.04538, 0.53462, 5e-6);
    EXPECT_NEAR(FixedP(other), 0.02016, 5e-6);
}

// Figures of the tests of GrowthBook's engine (gbstats, MIT): delta method, and the sequential test tuned for
// 1,000 people.
TEST(InsightExperiment, LiftAsPublished) {
    const auto rates = Lift(ConversionSample(14, 28), ConversionSample(16, 30));
    ASSERT_TRUE(rates);
    EXPECT_NEAR(rates->value, 0.06667, 5e-6);
    EXPECT_NEAR(rates->error, 0.2717, 5e-5);
    ExpectInterval(FixedInterval(*rates, 0.95), -0.47767, 0.61101, 5e-6);
    EXPECT_NEAR(FixedP(*rates), 0.80707, 5e-6);

    const Sample a = FromSums(1396.87, 52377.9767, 3000), b = FromSums(2422.7, 134698.29, 3461);
    const auto lift = Lift(a, b);
    ASSERT_TRUE(lift);
    EXPECT_NEAR(lift->value, 0.50336, 5e-6);
    EXPECT_NEAR(lift->error, 0.33341, 5e-6);
    ExpectInterval(SequentialInterval(*lift, 6461, 0.95, 1000), -0.55844, 1.56516, 5e-6);
    EXPECT_DOUBLE_EQ(SequentialP(*lift, 6461, 0.95, 1000), 1);
}

// Kohavi, Tang, Xu (2020), "Trustworthy Online Controlled Experiments", chapter 21: 821,588 against 815,482
// people, p = 1.8e-6.
TEST(InsightExperiment, SampleRatioAsPublished) {
    const int64_t people[] = {821'588, 815'482};
    const double even[] = {1, 1}, other[] = {821'588, 815'482}, none[] = {1, 0};
    EXPECT_NEAR(TestSampleRatio(people, even)->p_value, 1.8e-6, 0.05e-6);
    EXPECT_NEAR(TestSampleRatio(people, other)->p_value, 1, 1e-9);
    EXPECT_FALSE(TestSampleRatio(people, none));
    const int64_t nobody[] = {0, 0}, third[] = {10, 10, 1};
    const double two[] = {1, 1, 0};
    EXPECT_FALSE(TestSampleRatio(nobody, even));
    EXPECT_EQ(TestSampleRatio(third, two)->p_value, 0);
}

// The interval excludes 0 exactly where the p-value is below 1 - confidence.
TEST(InsightExperiment, IntervalsAndPValuesAgree) {
    for (const double value : {-3.0, -1.0, 0.1, 0.5, 1.0, 2.0, 8.0})
        for (const int64_t people : {10, 1000, 100'000}) {
            const Estimate estimate{.value = value, .error = 0.4, .degrees = 20};
            const Interval sequential = SequentialInterval(estimate, people, 0.95),
                           fixed = FixedInterval(estimate, 0.95);
            EXPECT_EQ(SequentialP(estimate, people, 0.95) < 0.05, sequential.low > 0 || sequential.high < 0);
            EXPECT_EQ(FixedP(estimate) < 0.05, fixed.low > 0 || fixed.high < 0);
            EXPECT_LT(sequential.low, fixed.low);
        }
}

// Two equal groups, looked at every day: the fixed interval is wrong at some look in more than one of six
// experiments, the sequential one in fewer than one of twenty.
TEST(InsightExperiment, MayBeLookedAtDaily) {
    std::mt19937_64 random(11);
    std::bernoulli_distribution converts(0.2);
    int fixed_wrong = 0, sequential_wrong = 0;
    constexpr int kExperiments = 1000, kDays = 30, kPeople = 100;
    for (int i = 0; i < kExperiments; ++i) {
        int64_t a = 0, b = 0;
        bool fixed = false, sequential = false;
        for (int day = 1; day <= kDays; ++day) {
            for (int person = 0; person < kPeople; ++person) a += converts(random), b += converts(random);
            const int64_t n = int64_t{day} * kPeople;
            const Estimate difference = Difference(ConversionSample(a, n), ConversionSample(b, n));
            fixed |= FixedP(difference) < 0.05;
            sequential |= SequentialP(difference, 2 * n, 0.95) < 0.05;
        }
        fixed_wrong += fixed;
        sequential_wrong += sequential;
    }
    EXPECT_GT(fixed_wrong, kExperiments / 6);
    EXPECT_LT(sequential_wrong, kExperiments / 20);
}

TEST(InsightExperiment, NothingIsNotANumber) {
    for (const Sample& a :
         {Sample{}, Sample{1, 5, 0}, Sample{2, 0, 0}, Sample{100, -1e300, 1e300}, Sample{10, 1e-300, 1e-300}})
        for (const Sample& b : {Sample{}, Sample{3, 1, 0}, Sample{50, 1e300, 1e300}, Sample{7, 0, 1}}) {
            Estimate difference = Difference(a, b);
            for (int i = 0; i < 2; ++i) {
                for (const double value :
                     {difference.value, difference.error, FixedInterval(difference, 0.95).low,
                      SequentialInterval(difference, a.people + b.people, 0.95).high, FixedP(difference),
                      SequentialP(difference, a.people + b.people, 0.95)})
                    EXPECT_TRUE(std::isfinite(value));
                const auto lift = Lift(a, b);
                if (!lift) break;
                difference = *lift;
            }
        }
    EXPECT_FALSE(Lift({10, 0, 1}, {10, 1, 1}));
    EXPECT_FALSE(Lift({10, -1, 1}, {10, 1, 1}));
}

TEST(InsightExperiment, MetricsAreReadStrictly) {
    EXPECT_EQ(ReadExperimentMetric("Order Completed").event.event, "Order Completed");
    const ExperimentMetric sum = ReadExperimentMetric(
        R"( {"event": "buy", "where": "amount>1", "sum": "order.total", "within": "2 days", "good": "down"})");
    EXPECT_EQ(sum.kind, ExperimentMetric::Kind::kSum);
    EXPECT_EQ(sum.property, (std::vector<std::string>{"order", "total"}));
    EXPECT_EQ(sum.within, 2 * kDay);
    EXPECT_FALSE(sum.higher_is_better);
    EXPECT_EQ(sum.name, "buy where amount > 1, sum of order.total");
    const ExperimentMetric value = ReadExperimentMetric(R"x({"value": "trait(\"x\")"})x");
    EXPECT_EQ(value.kind, ExperimentMetric::Kind::kValue);
    EXPECT_EQ(value.name, "trait(\"x\")");
    for (const char* wrong :
         {"", " ", "{", "{}", R"({"event": ""})", R"({"event": "a", "colour": 1})",
          R"({"event": "a", "sum": "x", "count": true})", R"({"value": "x", "event": "a"})",
          R"({"event": "a", "within": "-1 day"})", R"({"event": "a", "within": "soon"})",
          R"({"event": "a", "good": "left"})", R"({"event": "a", "where": "x >"})", R"({"event": 5})"})
        EXPECT_THROW(ReadExperimentMetric(wrong), UserError) << wrong;
    EXPECT_THROW(ReadExperimentMetric(nlohmann::json(5), "x"), UserError);
}

ExperimentFigures Figures(int64_t control, int64_t converted, int64_t people, int64_t new_converted) {
    ExperimentFigures figures;
    figures.flag = "f";
    figures.control = "off";
    figures.people = {{"off", control}, {"on", people}};
    figures.split = {{"off", 50}, {"on", 50}};
    const auto of = [](int64_t x, int64_t n) {
        const Sample sample = ConversionSample(x, n);
        return VariantFigures{n, x, sample.mean, sample.variance};
    };
    figures.metrics.push_back({{}, {{"off", of(converted, control)}, {"on", of(new_converted, people)}}, 0});
    return figures;
}

TEST(InsightExperiment, VerdictsFollowTheSequentialInterval) {
    const auto verdict = [](ExperimentFigures figures, bool higher = true) {
        figures.metrics[0].metric.higher_is_better = higher;
        return WriteExperiment(figures)["metrics"][0]["variants"][1]["verdict"].get<std::string>();
    };
    EXPECT_EQ(verdict(Figures(5000, 500, 5000, 700)), "better");
    EXPECT_EQ(verdict(Figures(5000, 500, 5000, 700), false), "worse");
    EXPECT_EQ(verdict(Figures(5000, 500, 5000, 510)), "unclear");
    EXPECT_EQ(verdict(Figures(5000, 700, 5000, 500)), "worse");
    EXPECT_EQ(verdict(Figures(99, 9, 5000, 700)), "unknown");
    EXPECT_EQ(verdict(Figures(200, 0, 200, 0)), "unknown");
    const nlohmann::json answer = WriteExperiment(Figures(5000, 500, 5500, 700));
    EXPECT_EQ(answer["sample_ratio"]["status"], "mismatch");
    EXPECT_FALSE(answer["metrics"][0]["variants"][0].contains("verdict"));
    EXPECT_EQ(WriteExperiment(Figures(40, 5, 40, 5))["sample_ratio"]["status"], "unknown");
}

TEST(InsightExperiment, SmallGroupsAreHidden) {
    ExperimentFigures figures = Figures(500, 9, 400, 60);
    figures.smallest_group = 10;
    figures.several_variants = 3;
    const nlohmann::json answer = WriteExperiment(figures), &variants = answer["metrics"][0]["variants"];
    EXPECT_TRUE(variants[0]["converted"].is_null());
    EXPECT_TRUE(variants[0]["value"].is_null());
    EXPECT_EQ(variants[1]["converted"], 60);
    EXPECT_EQ(variants[1]["verdict"], "unknown");
    EXPECT_FALSE(variants[1].contains("difference"));
    EXPECT_TRUE(answer["excluded"]["several_variants"].is_null());
}

}  // namespace
}  // namespace pulse::insight
