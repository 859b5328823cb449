#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "pulse/base/error.hpp"
#include "pulse/trust/signal_health.hpp"

namespace pulse::trust {

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinite = std::numeric_limits<double>::infinity();

TEST(TrustFormula, FreshnessFallsBetweenOneAndTwoDays) {
    EXPECT_EQ(FreshnessScore(0), 100);
    EXPECT_EQ(FreshnessScore(kDay), 100);
    EXPECT_EQ(FreshnessScore(36 * kHour), 50);
    EXPECT_EQ(FreshnessScore(42 * kHour), 25);
    EXPECT_EQ(FreshnessScore(2 * kDay), 0);
    EXPECT_EQ(FreshnessScore(INT64_MAX), 0);
    EXPECT_EQ(FreshnessScore(-1), 0);
}

TEST(TrustFormula, VarianceHasThreeRanges) {
    EXPECT_DOUBLE_EQ(AttributionVariance(110, 100), 0.1 + (110.0 / 100 - 1 - 0.1));
    EXPECT_EQ(AttributionVariance(0, 0), 0);
    EXPECT_EQ(AttributionVariance(5, 0), 1);
    EXPECT_EQ(AttributionVariance(-5, 0), 1);
    EXPECT_EQ(AttributionVariance(0, 100), 1);
    EXPECT_EQ(AttributionVariance(1e308, 1e-308), 1000);
    EXPECT_EQ(AttributionVariance(kNan, 1), 1000);
    EXPECT_EQ(AttributionVariance(1, kInfinite), 1000);
    EXPECT_EQ(VarianceScore(0), 100);
    EXPECT_EQ(VarianceScore(0.10), 100);
    EXPECT_EQ(VarianceScore(0.125), 85);
    EXPECT_EQ(VarianceScore(0.15), 50);
    EXPECT_EQ(VarianceScore(0.18), 20);
    EXPECT_EQ(VarianceScore(0.20), 0);
    EXPECT_EQ(VarianceScore(3), 0);
    EXPECT_STREQ(VarianceBand(0.049), "healthy");
    EXPECT_STREQ(VarianceBand(0.05), "minor");
    EXPECT_STREQ(VarianceBand(0.10), "moderate");
    EXPECT_STREQ(VarianceBand(0.15), "moderate");
    EXPECT_STREQ(VarianceBand(0.151), "high");
}

TEST(TrustFormula, AnomalyNeedsSevenValues) {
    const std::vector<double> six(6, 1), equal(7, 0.1);
    EXPECT_FALSE(IsAnomalous(six, 1000));
    // Where all were equal, the original never fires.
    EXPECT_TRUE(IsAnomalous(equal, 0.2));
    EXPECT_FALSE(IsAnomalous(equal, 0.1));
    EXPECT_TRUE(IsAnomalous(std::vector<double>(7, 0), 1));
    EXPECT_FALSE(IsAnomalous(std::vector<double>(7, 0), 0));
    // Mean 4, population deviation 2.
    const std::vector<double> past{2, 4, 4, 4, 5, 5, 7, 1};
    EXPECT_FALSE(IsAnomalous(past, 4 + 3 * std::sqrt(3.0) - 0.01));
    EXPECT_TRUE(IsAnomalous(past, 4 + 3 * std::sqrt(3.0) + 0.01));
    EXPECT_TRUE(IsAnomalous(past, -9));
    // Numbers whose squares do not fit.
    EXPECT_FALSE(IsAnomalous({1e308, -1e308, 1e308, -1e308, 1e308, -1e308, 1e308}, 1e308));
    EXPECT_TRUE(IsAnomalous(past, kNan));
    EXPECT_EQ(AnomalyScore(0), 100);
    EXPECT_EQ(AnomalyScore(0.25), 80);
    EXPECT_EQ(AnomalyScore(0.5), 50);
    EXPECT_EQ(AnomalyScore(0.51), 20);
}

TEST(TrustFormula, SharesOfPeople) {
    EXPECT_EQ(KnownShareScore(0.5), 100);
    EXPECT_EQ(KnownShareScore(0.35), 75);
    EXPECT_EQ(KnownShareScore(0.2), 50);
    EXPECT_EQ(KnownShareScore(0.1), 25);
    EXPECT_EQ(KnownShareScore(0), 0);
    EXPECT_EQ(ConsentShareScore(0.7), 100);
    EXPECT_EQ(ConsentShareScore(0.5), 75);
    EXPECT_EQ(ConsentShareScore(0.3), 50);
    EXPECT_EQ(RecencyScore(101), 100);
    EXPECT_EQ(RecencyScore(100), 100);
    EXPECT_EQ(RecencyScore(50), 85);
    EXPECT_EQ(RecencyScore(1), 70.3);
    EXPECT_EQ(RecencyScore(0), 40);
}

HealthFacts CompleteFacts() {
    HealthFacts facts;
    facts.ad_platform = facts.people = true;
    facts.emq = {{"meta", "", 9, kHour}};
    facts.freshness = {{"the newest event", kHour, ""}};
    facts.attribution = {{"meta", "", "revenue", 100, 100, kHour}};
    facts.watched = 3;
    facts.cdp = CdpFacts{.emq = 80,
                         .emq_least = 80,
                         .emq_deviation = 0,
                         .known_share = 0.5,
                         .consent_share = 0.7,
                         .events_in_a_day = 200,
                         .age = 0};
    return facts;
}

double Weight(const Health& health, size_t part) {
    return health.parts.at(part).weight;
}

TEST(TrustHealth, WeighsAsStratumDoes) {
    const Health health = ScoreHealth(CompleteFacts(), {});
    EXPECT_DOUBLE_EQ(Weight(health, 0), 0.36);
    EXPECT_DOUBLE_EQ(Weight(health, 1), 0.225);
    EXPECT_DOUBLE_EQ(Weight(health, 2), 0.18);
    EXPECT_DOUBLE_EQ(Weight(health, 3), 0.135);
    EXPECT_DOUBLE_EQ(Weight(health, 4), 0.10);
    // 0.36 * 90 + 0.54 * 100 + 0.10 * (0.5 * 80 + 50)
    EXPECT_DOUBLE_EQ(health.score, 95.4);
    EXPECT_EQ(health.status, HealthStatus::kHealthy);
    EXPECT_EQ(health.assumed, 0);
}

TEST(TrustHealth, WhatDoesNotApplyGivesItsWeightToTheRest) {
    HealthFacts facts = CompleteFacts();
    facts.ad_platform = false;
    const Health without_platform = ScoreHealth(facts, {});
    EXPECT_FALSE(without_platform.parts[0].applies);
    EXPECT_DOUBLE_EQ(Weight(without_platform, 1), 0.225 / 0.46);
    EXPECT_DOUBLE_EQ(Weight(without_platform, 4), 0.10 / 0.46);
    facts.people = false;
    const Health neither = ScoreHealth(facts, {});
    EXPECT_DOUBLE_EQ(Weight(neither, 1), 0.625);
    EXPECT_DOUBLE_EQ(Weight(neither, 3), 0.375);
    EXPECT_EQ(neither.score, 100);
}

TEST(TrustHealth, WhatIsMissingIsAssumedAndNamed) {
    HealthFacts facts;
    facts.ad_platform = facts.people = true;
    const Health health = ScoreHealth(facts, {});
    const double values[] = {75, 50, 80, 90, 75};
    for (size_t i = 0; i < 5; ++i) {
        EXPECT_EQ(health.parts[i].value, values[i]) << i;
        EXPECT_TRUE(health.parts[i].assumed) << i;
        EXPECT_FALSE(health.parts[i].issues.empty()) << i;
    }
    EXPECT_DOUBLE_EQ(health.assumed, 1);
    EXPECT_EQ(health.status, HealthStatus::kUnknown);
    facts.past_variance = 0.125;
    EXPECT_EQ(ScoreHealth(facts, {}).parts[2].value, 85);
    EXPECT_TRUE(ScoreHealth(facts, {}).parts[2].assumed);
}

TEST(TrustHealth, HalfOfTheWeightMayBeAssumed) {
    TrustSettings settings;
    ChangeTrustSettings({{"emq", 50}, {"freshness", 20}, {"variance", 15}, {"anomaly", 15}}, settings);
    HealthFacts facts = CompleteFacts();
    facts.people = false;
    facts.emq.clear();
    EXPECT_EQ(ScoreHealth(facts, settings).status, HealthStatus::kHealthy);
    facts.attribution.clear();
    EXPECT_EQ(ScoreHealth(facts, settings).status, HealthStatus::kUnknown);
}

TEST(TrustHealth, IncidentsHoldTheirScope) {
    HealthFacts facts = CompleteFacts();
    facts.incidents = {{1, "table:orders", "table_volume", "high"}};
    EXPECT_EQ(ScoreHealth(facts, {}).score, 69.99);
    facts.incidents.push_back({2, "event:purchase", "event_vanished", "critical"});
    EXPECT_EQ(ScoreHealth(facts, {}).score, 39.99);
    // Of everything, unless half of what is watched has one.
    facts.everything = true;
    facts.watched = 10;
    EXPECT_GT(ScoreHealth(facts, {}).score, 70);
    facts.watched = 2;
    EXPECT_GT(ScoreHealth(facts, {}).score, 70);
    facts.incidents.push_back({3, "segment:buyers", "size_change", "high"});
    facts.watched = 6;
    EXPECT_EQ(ScoreHealth(facts, {}).score, 69.99);
    for (const int64_t id : {4, 5})
        facts.incidents.push_back({id, "segment:" + std::to_string(id), "size_change", "critical"});
    EXPECT_EQ(ScoreHealth(facts, {}).score, 39.99);
    facts.incidents.resize(2);
    facts.watched = 10;
    // Below all that passes, whatever the thresholds are.
    facts.everything = false;
    facts.incidents.pop_back();
    TrustSettings settings;
    settings.conservative = 60;
    EXPECT_EQ(ScoreHealth(facts, settings).score, 59.99);
}

TEST(TrustHealth, EveryScoreIsFromZeroToHundred) {
    std::mt19937_64 random(1);
    const double odd[] = {0, -0.0, 1, -1, 0.5, 100, -100, 1e308, -1e308, 5e-324, kNan, kInfinite, -kInfinite};
    const auto number = [&] { return odd[random() % std::size(odd)]; };
    const auto span = [&]() -> int64_t {
        const int64_t spans[] = {0, -1, INT64_MAX, INT64_MIN, kDay, kHour, 40 * kHour};
        return spans[random() % std::size(spans)];
    };
    for (int round = 0; round < 20'000; ++round) {
        HealthFacts facts;
        facts.everything = random() % 2;
        facts.ad_platform = random() % 2;
        facts.people = random() % 2;
        for (size_t i = random() % 3; i > 0; --i) facts.emq.push_back({"p", "a", number(), span()});
        for (size_t i = random() % 3; i > 0; --i)
            facts.freshness.push_back(
                {"x", random() % 2 ? std::optional(span()) : std::nullopt, "x is unknown."});
        for (size_t i = random() % 3; i > 0; --i)
            facts.attribution.push_back({"p", "a", "revenue", number(), number(), span()});
        if (random() % 2) facts.past_variance = number();
        for (size_t i = random() % 3; i > 0; --i) {
            SeriesReading series{"spend", "p", "a", number(), {}, span()};
            for (size_t n = random() % 10; n > 0; --n) series.past.push_back(number());
            facts.series.push_back(std::move(series));
        }
        const char* severities[] = {"low", "medium", "high", "critical", "odd"};
        for (size_t i = random() % 3; i > 0; --i)
            facts.incidents.push_back({1, "table:t", "d", severities[random() % 5]});
        facts.watched = static_cast<int64_t>(random() % 4) - 1;
        if (random() % 2) {
            CdpFacts cdp;
            if (random() % 2) cdp.emq = number();
            if (random() % 2) cdp.emq_least = number();
            if (random() % 2) cdp.emq_deviation = number();
            if (random() % 2) cdp.known_share = number();
            if (random() % 2) cdp.consent_share = number();
            if (random() % 2) cdp.events_in_a_day = span();
            facts.cdp = cdp;
        }
        TrustSettings settings;
        if (random() % 4 == 0)
            settings = ReadTrustSettings({{"emq", number()},
                                          {"freshness", number()},
                                          {"cdp", number()},
                                          {"healthy", number()},
                                          {"hold", number()}});
        const Health health = ScoreHealth(facts, settings);
        ASSERT_TRUE(health.score >= 0 && health.score <= 100) << health.score;
        ASSERT_TRUE(health.assumed >= 0 && health.assumed <= 1 + 1e-9);
        double weights = 0;
        for (const HealthPart& part : health.parts) {
            if (!part.applies) continue;
            ASSERT_TRUE(part.value >= 0 && part.value <= 100) << part.name << part.value;
            ASSERT_TRUE(part.weight >= 0);
            weights += part.weight;
        }
        ASSERT_TRUE(weights == 0 || std::abs(weights - 1) < 1e-9);
        HeldStatus held{static_cast<HealthStatus>(random() % 4), {}, 0};
        const double score = HeldScore(Hold(held, health, 0, settings), health, settings);
        ASSERT_TRUE(score >= 0 && score <= health.score);
    }
}

Health Scored(double score) {
    Health health;
    health.score = score;
    health.status = StatusOf(score, {});
    health.assumed = 0;
    return health;
}

TEST(TrustStatus, FallsAtOnceAndRisesSlowly) {
    const TrustSettings settings;
    HeldStatus held = Hold({}, Scored(90), 0, settings);
    EXPECT_EQ(held.level, HealthStatus::kHealthy);
    held = Hold(held, Scored(30), kMinute, settings);
    EXPECT_EQ(held.level, HealthStatus::kUnhealthy);
    EXPECT_EQ(HeldScore(held, Scored(95), settings), 39.99);
    held = Hold(held, Scored(95), 2 * kMinute, settings);
    EXPECT_EQ(held.level, HealthStatus::kUnhealthy);
    held = Hold(held, Scored(95), 16 * kMinute, settings);
    EXPECT_EQ(held.level, HealthStatus::kUnhealthy);
    held = Hold(held, Scored(95), 17 * kMinute, settings);
    EXPECT_EQ(held.level, HealthStatus::kDegraded);
    EXPECT_EQ(HeldScore(held, Scored(95), settings), 69.99);
    held = Hold(held, Scored(95), 18 * kMinute, settings);
    held = Hold(held, Scored(95), 33 * kMinute, settings);
    EXPECT_EQ(held.level, HealthStatus::kHealthy);
}

TEST(TrustStatus, OneLongPauseIsNotTwoEvaluations) {
    const TrustSettings settings;
    HeldStatus held{HealthStatus::kDegraded, {}, 0};
    held = Hold(held, Scored(95), kDay, settings);
    EXPECT_EQ(held.level, HealthStatus::kDegraded);
    held = Hold(held, Scored(95), kDay + 1, settings);
    EXPECT_EQ(held.level, HealthStatus::kDegraded);
}

TEST(TrustStatus, ThreePointsMoreThanTheThreshold) {
    const TrustSettings settings;
    HeldStatus held{HealthStatus::kDegraded, {}, 0};
    for (int i = 0; i < 100; ++i) held = Hold(held, Scored(72.99), i * kHour, settings);
    EXPECT_EQ(held.level, HealthStatus::kDegraded);
    EXPECT_EQ(HeldScore(held, Scored(72.99), settings), 69.99);
    for (int i = 0; i < 2; ++i) held = Hold(held, Scored(73), i * kHour, settings);
    EXPECT_EQ(held.level, HealthStatus::kHealthy);
    EXPECT_EQ(HeldScore(held, Scored(70), settings), 70);
}

TEST(TrustStatus, UnknownEndsARiseAndKeepsTheLevel) {
    const TrustSettings settings;
    Health unknown = Scored(95);
    unknown.status = HealthStatus::kUnknown;
    HeldStatus held{HealthStatus::kDegraded, {}, 0};
    held = Hold(held, Scored(95), 0, settings);
    held = Hold(held, unknown, kMinute, settings);
    EXPECT_EQ(held, (HeldStatus{HealthStatus::kDegraded, {}, 0}));
    EXPECT_EQ(ShownStatus(held, unknown), HealthStatus::kUnknown);
    held = Hold(held, Scored(95), 20 * kMinute, settings);
    EXPECT_EQ(held.level, HealthStatus::kDegraded);
}

TEST(TrustStatus, AClockThatIsSetBackBeginsAnew) {
    const TrustSettings settings;
    HeldStatus held{HealthStatus::kDegraded, {}, 0};
    held = Hold(held, Scored(95), kDay, settings);
    held = Hold(held, Scored(95), kHour, settings);
    EXPECT_EQ(held.level, HealthStatus::kDegraded);
    held = Hold(held, Scored(95), kHour + 15 * kMinute, settings);
    EXPECT_EQ(held.level, HealthStatus::kHealthy);
}

// Whatever the scores do, a rise comes 15 minutes after the last evaluation that was not well above.
TEST(TrustStatus, NeverRisesWithinFifteenMinutesOfABadScore) {
    std::mt19937_64 random(7);
    const TrustSettings settings;
    HeldStatus held;
    Moment now = 0, bad = INT64_MIN / 2;
    for (int i = 0; i < 200'000; ++i) {
        now += static_cast<int64_t>(random() % (5 * kMinute));
        const double score =
            random() % 40 == 0 ? static_cast<double>(random() % 70) : 73 + static_cast<double>(random() % 27);
        if (score < 73) bad = now;
        held = Hold(held, Scored(score), now, settings);
        if (held.level == HealthStatus::kHealthy && i > 0) {
            ASSERT_GE(now - bad, 15 * kMinute);
        }
        ASSERT_LE(held.level, StatusOf(score, settings));
    }
}

TEST(TrustSettings, AreChecked) {
    TrustSettings settings;
    ChangeTrustSettings({{"healthy", 75}, {"degraded", 50}}, settings);
    EXPECT_EQ(settings.healthy, 75);
    ChangeTrustSettings({{"healthy", nullptr}}, settings);
    EXPECT_EQ(settings.healthy, 70);
    for (const nlohmann::json& wrong : std::vector<nlohmann::json>{{{"emq", 41}},
                                                                   {{"emq", -1}},
                                                                   {{"emq", "40"}},
                                                                   {{"hold", 71}},
                                                                   {{"nothing", 1}},
                                                                   {{"cdp", 60}},
                                                                   nullptr,
                                                                   7}) {
        TrustSettings changed;
        EXPECT_THROW(ChangeTrustSettings(wrong, changed), UserError) << wrong.dump();
    }
    EXPECT_EQ(ReadTrustSettings({{"hold", 1e9}}).hold, 70);
    EXPECT_EQ(ReadTrustSettings(TrustSettings().Json()).Json(), TrustSettings().Json());
}

}  // namespace

}  // namespace pulse::trust
