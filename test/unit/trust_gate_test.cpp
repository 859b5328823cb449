#include "pulse/trust/gate.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace pulse::trust {

namespace {

GateFacts GoodFacts() {
    GateFacts facts;
    facts.action = "sync_audience";
    facts.subject = "segment:buyers";
    facts.risk = Risk::kStandard;
    facts.writable = true;
    facts.clock_ahead = false;
    facts.old_snapshot = false;
    facts.frozen = false;
    facts.subject_exists = true;
    facts.score = 85;
    facts.status = HealthStatus::kHealthy;
    facts.now = 100 * kDay;
    facts.latest = facts.now;
    facts.as_of = facts.now;
    facts.last_history = facts.now - kMinute;
    return facts;
}

Verdict Of(const GateFacts& facts) {
    const Judgement judgement = Judge(facts, {});
    EXPECT_EQ(judgement.verdict == Verdict::kPass, judgement.reasons.empty());
    return judgement.verdict;
}

TEST(Gate, PassesOnlyAboveTheThresholdOfTheRisk) {
    GateFacts facts = GoodFacts();
    EXPECT_EQ(Of(facts), Verdict::kPass);
    facts.score = 70;
    EXPECT_EQ(Of(facts), Verdict::kPass);
    facts.score = 69.99;
    EXPECT_EQ(Of(facts), Verdict::kHold);
    facts.score = 40;
    EXPECT_EQ(Of(facts), Verdict::kHold);
    facts.score = 39.99;
    EXPECT_EQ(Of(facts), Verdict::kBlock);
    facts.risk = Risk::kHigh;
    facts.score = 79.99;
    EXPECT_EQ(Of(facts), Verdict::kHold);
    facts.score = 80;
    EXPECT_EQ(Of(facts), Verdict::kPass);
    facts.risk = Risk::kConservative;
    facts.score = 69;
    EXPECT_EQ(Of(facts), Verdict::kHold);
}

TEST(Gate, FailsClosed) {
    EXPECT_EQ(Judge({}, {}).verdict, Verdict::kBlock);
    const auto with = [](auto change) {
        GateFacts facts = GoodFacts();
        change(facts);
        return Of(facts);
    };
    EXPECT_EQ(with([](GateFacts& f) { f.risk.reset(); }), Verdict::kBlock);
    EXPECT_EQ(with([](GateFacts& f) { f.writable = false; }), Verdict::kBlock);
    EXPECT_EQ(with([](GateFacts& f) { f.clock_ahead = true; }), Verdict::kBlock);
    EXPECT_EQ(with([](GateFacts& f) { f.old_snapshot = true; }), Verdict::kBlock);
    EXPECT_EQ(with([](GateFacts& f) { f.frozen = true; }), Verdict::kBlock);
    EXPECT_EQ(with([](GateFacts& f) { f.frozen.reset(); }), Verdict::kBlock);
    EXPECT_EQ(with([](GateFacts& f) { f.subject_exists = false; }), Verdict::kBlock);
    EXPECT_EQ(with([](GateFacts& f) { f.problem = "It failed."; }), Verdict::kBlock);
    EXPECT_EQ(with([](GateFacts& f) { f.score.reset(); }), Verdict::kBlock);
    EXPECT_EQ(with([](GateFacts& f) { f.score = std::numeric_limits<double>::quiet_NaN(); }),
              Verdict::kBlock);
    EXPECT_EQ(with([](GateFacts& f) { f.as_of.reset(); }), Verdict::kBlock);
    EXPECT_EQ(with([](GateFacts& f) { f.as_of = f.now - kDecisionLife - 1; }), Verdict::kBlock);
    EXPECT_EQ(with([](GateFacts& f) { f.as_of = f.now + 1; }), Verdict::kBlock);
    EXPECT_EQ(with([](GateFacts& f) { f.last_history.reset(); }), Verdict::kBlock);
    EXPECT_EQ(with([](GateFacts& f) { f.last_history = f.now + 1; }), Verdict::kBlock);
    // Another transaction computed it after this one began.
    EXPECT_EQ(with([](GateFacts& f) { f.last_history = f.now + 1, f.latest = f.now + 1; }), Verdict::kPass);
    EXPECT_EQ(with([](GateFacts& f) { f.last_history = f.now + 2, f.latest = f.now + 1; }), Verdict::kBlock);
    EXPECT_EQ(with([](GateFacts& f) { f.last_history = f.now - kLongestGap - 1; }), Verdict::kBlock);
    EXPECT_EQ(with([](GateFacts& f) { f.last_history = f.now - kLongestGap; }), Verdict::kPass);
    EXPECT_EQ(with([](GateFacts& f) { f.status = HealthStatus::kUnknown; }), Verdict::kHold);
}

TEST(Gate, WhatStopsThingsAlwaysPasses) {
    GateFacts facts;
    facts.risk = Risk::kAlways;
    facts.writable = true;
    facts.frozen = true;
    EXPECT_EQ(Of(facts), Verdict::kPass);
    facts.writable = false;
    EXPECT_EQ(Of(facts), Verdict::kBlock);
}

// Over random scores, failures and clocks: no pass below the threshold, ever.
TEST(Gate, NeverPassesBelowTheThreshold) {
    std::mt19937_64 random(3);
    int passes = 0;
    for (int round = 0; round < 500'000; ++round) {
        GateFacts facts = GoodFacts();
        const auto rarely = [&] { return random() % 12 == 0; };
        TrustSettings settings;
        if (random() % 2)
            settings = ReadTrustSettings({{"high", random() % 120},
                                          {"standard", random() % 120},
                                          {"conservative", random() % 120},
                                          {"hold", random() % 120}});
        const double odd[] = {std::numeric_limits<double>::quiet_NaN(),
                              std::numeric_limits<double>::infinity(),
                              -std::numeric_limits<double>::infinity(),
                              -1,
                              0,
                              100};
        facts.score = rarely() ? odd[random() % 6] : static_cast<double>(random() % 10001) / 100;
        facts.risk = static_cast<Risk>(random() % 3);
        if (rarely()) facts.risk.reset();
        if (rarely()) facts.score.reset();
        if (rarely()) facts.writable = false;
        if (rarely()) facts.frozen = true;
        if (rarely()) facts.frozen.reset();
        if (rarely()) facts.clock_ahead = true;
        if (rarely()) facts.old_snapshot = true;
        if (rarely()) facts.subject_exists = false;
        if (rarely()) facts.problem = "It failed.";
        if (rarely()) facts.status = static_cast<HealthStatus>(random() % 4);
        if (rarely()) facts.as_of.reset();
        const int64_t jumps[] = {0,    kSecond, -kSecond, kDecisionLife, kDecisionLife + 1,
                                 kDay, -kDay,   3 * kDay, -100 * kDay};
        if (facts.as_of) facts.as_of = *facts.as_of - jumps[rarely() ? random() % 9 : 0];
        if (rarely()) facts.last_history.reset();
        if (rarely()) facts.latest += kSecond;
        if (facts.last_history && rarely()) facts.last_history = facts.now - jumps[random() % 9];
        const Judgement judgement = Judge(facts, settings);
        if (judgement.verdict != Verdict::kPass) {
            ASSERT_FALSE(judgement.reasons.empty());
            continue;
        }
        ++passes;
        ASSERT_TRUE(facts.risk && facts.score && facts.as_of && facts.last_history && facts.frozen);
        ASSERT_GE(*facts.score, settings.Threshold(*facts.risk));
        ASSERT_GE(*facts.score, settings.hold);
        ASSERT_TRUE(facts.writable && !*facts.frozen && !facts.clock_ahead && !facts.old_snapshot &&
                    facts.subject_exists);
        ASSERT_TRUE(facts.problem.empty());
        ASSERT_NE(facts.status, HealthStatus::kUnknown);
        ASSERT_LE(*facts.as_of, facts.now);
        ASSERT_LE(facts.now - *facts.as_of, kDecisionLife);
        ASSERT_LE(*facts.last_history, facts.latest);
        ASSERT_LE(facts.now - *facts.last_history, kLongestGap);
    }
    EXPECT_GT(passes, 10'000);
}

TEST(Gate, ModesAreThoseOfStratum) {
    const TrustSettings settings;
    EXPECT_STREQ(ModeOf(75, HealthStatus::kHealthy, false, settings), "normal");
    EXPECT_STREQ(ModeOf(65, HealthStatus::kDegraded, false, settings), "limited");
    EXPECT_STREQ(ModeOf(50, HealthStatus::kDegraded, false, settings), "cuts_only");
    EXPECT_STREQ(ModeOf(39, HealthStatus::kUnhealthy, false, settings), "frozen");
    EXPECT_STREQ(ModeOf(99, HealthStatus::kHealthy, true, settings), "frozen");
    EXPECT_STREQ(ModeOf({}, HealthStatus::kUnknown, false, settings), "frozen");
    EXPECT_STREQ(ModeOf(99, HealthStatus::kUnknown, false, settings), "cuts_only");
}

}  // namespace

}  // namespace pulse::trust
