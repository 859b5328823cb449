#include <map>
#include <random>

#include <gtest/gtest.h>

#include "pulse/audience/delta.hpp"
#include "pulse/audience/rate_limit.hpp"

namespace pulse::audience {
namespace {

RowSource SourceOf(std::vector<LedgerRow> rows) {
    return [rows = std::move(rows), i = size_t{0}]() mutable {
        return i < rows.size() ? std::optional(rows[i++]) : std::nullopt;
    };
}

TEST(AudienceDelta, MergesStreams) {
    DeltaMerge merge(SourceOf({{1, "a"}, {2, "b"}, {4, "d"}, {5, "e"}}),
                     SourceOf({{2, "b"}, {3, "c"}, {4, "x"}}));
    const auto next = [&] {
        const auto step = merge.Next();
        return step ? std::to_string(step->person) + " " + step->desired + "/" + step->sent : "end";
    };
    EXPECT_EQ(next(), "1 a/");
    EXPECT_EQ(next(), "3 /c");
    EXPECT_EQ(next(), "4 d/x");
    EXPECT_EQ(next(), "5 e/");
    EXPECT_EQ(next(), "end");
    EXPECT_EQ(next(), "end");
    EXPECT_EQ(merge.counts().kept, 1);
    EXPECT_EQ(merge.counts().added, 2);
    EXPECT_EQ(merge.counts().removed, 1);
    EXPECT_EQ(merge.counts().changed, 1);
    EXPECT_EQ(merge.counts().desired, 4);
    EXPECT_EQ(merge.counts().sent, 3);
    EXPECT_DOUBLE_EQ(merge.counts().MovedShare(), 1.0);
}

TEST(AudienceDelta, UnsortedRows) {
    DeltaMerge merge(SourceOf({{2, "a"}, {1, "b"}}), SourceOf({}));
    EXPECT_THROW(merge.Next(), std::invalid_argument);
    DeltaMerge twice(SourceOf({}), SourceOf({{1, "a"}, {1, "b"}}));
    EXPECT_THROW(twice.Next(), std::invalid_argument);
}

// Whatever both have: carrying out the steps makes them equal.
TEST(AudienceDelta, MakesBothEqual) {
    std::mt19937 random(16);
    for (int round = 0; round < 300; ++round) {
        std::map<int64_t, std::string> desired, sent;
        for (auto* side : {&desired, &sent})
            for (int i = static_cast<int>(random() % 30); i > 0; --i)
                (*side)[static_cast<int64_t>(random() % 40) - 20] =
                    std::string(1, static_cast<char>('a' + random() % 3));
        std::vector<LedgerRow> wanted, have;
        for (const auto& [person, cells] : desired) wanted.push_back({person, cells});
        for (const auto& [person, cells] : sent) have.push_back({person, cells});
        DeltaMerge merge(SourceOf(wanted), SourceOf(have));
        int64_t steps = 0;
        while (const auto step = merge.Next()) {
            ++steps;
            if (step->move == Move::kRemove)
                sent.erase(step->person);
            else
                sent[step->person] = step->desired;
        }
        EXPECT_EQ(sent, desired);
        EXPECT_EQ(steps, merge.counts().added + merge.counts().removed + merge.counts().changed);
    }
}

DeltaCounts CountsOf(int64_t kept, int64_t added, int64_t removed, int64_t changed) {
    return {kept + added + changed, kept + removed + changed, kept, added, removed, changed};
}

TEST(AudienceDelta, Plans) {
    const SyncLimits limits{0.5, 100, 0.5, false};
    const auto way = [&](Platform platform, const DeltaCounts& counts) {
        return PlanSync(platform, counts, limits).way;
    };
    EXPECT_EQ(way(Platform::kMeta, CountsOf(1000, 0, 0, 0)), SyncWay::kNothing);
    EXPECT_EQ(way(Platform::kMeta, CountsOf(1000, 10, 10, 0)), SyncWay::kDelta);
    EXPECT_EQ(way(Platform::kMeta, CountsOf(1000, 5000, 0, 0)), SyncWay::kReplace);
    EXPECT_EQ(way(Platform::kGoogle, CountsOf(500, 0, 480, 20)), SyncWay::kReplace);
    EXPECT_EQ(way(Platform::kTiktok, CountsOf(1000, 5000, 0, 0)), SyncWay::kDelta);
    EXPECT_EQ(way(Platform::kFile, CountsOf(1000, 1, 0, 0)), SyncWay::kReplace);
    EXPECT_EQ(way(Platform::kFile, CountsOf(1000, 0, 0, 0)), SyncWay::kNothing);
    // The first upload is no replacement.
    EXPECT_EQ(way(Platform::kMeta, CountsOf(0, 5000, 0, 0)), SyncWay::kDelta);
    // A segment that halves empties no audience unasked.
    EXPECT_EQ(way(Platform::kMeta, CountsOf(400, 0, 600, 0)), SyncWay::kHeld);
    EXPECT_EQ(way(Platform::kFile, CountsOf(0, 0, 1000, 0)), SyncWay::kHeld);
    EXPECT_EQ(way(Platform::kMeta, CountsOf(0, 0, 100, 0)), SyncWay::kDelta);
    EXPECT_EQ(PlanSync(Platform::kMeta, CountsOf(400, 0, 600, 0), limits).reason,
              "It would remove or change 600 of 1,000 people, 60 %; at most 50 % may be at once.");
    EXPECT_EQ(PlanSync(Platform::kMeta, CountsOf(1000, 0, 0, 0), {0.5, 100, 0.5, true}).way,
              SyncWay::kReplace);
    EXPECT_EQ(PlanSync(Platform::kSnapchat, CountsOf(1000, 0, 0, 0), {0.5, 100, 0.5, true}).way,
              SyncWay::kNothing);
}

// In no span are there more requests than the rule says, and the whole rate is nearly reached.
TEST(AudienceRate, NeverMore) {
    std::mt19937 random(7);
    for (const RateRule rule :
         {RateRule{10, kSecond}, RateRule{3, kMinute}, RateRule{200, kMinute}, RateRule{1, kHour}}) {
        RateLimit limit({rule}, 5);
        std::vector<Moment> starts;
        Moment now = 1'000'000'000;
        const Moment end = now + 4 * rule.span;
        while (now < end && starts.size() < 3000) {
            if (const int64_t wait = limit.Wait(now)) {
                now += wait;
                continue;
            }
            limit.Start(now);
            limit.End();
            starts.push_back(now);
            if (random() % 4 == 0) now += static_cast<int64_t>(random() % 1000);
        }
        for (size_t i = 0; i < starts.size(); ++i) {
            size_t inside = 0;
            for (size_t j = i; j < starts.size() && starts[j] < starts[i] + rule.span; ++j) ++inside;
            ASSERT_LE(inside, static_cast<size_t>(rule.requests));
        }
        EXPECT_GE(starts.size(), static_cast<size_t>(3 * rule.requests));
    }
}

TEST(AudienceRate, AllRulesCount) {
    RateLimit limit({{2, kSecond}, {3, kMinute}}, 10);
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(limit.Wait(0), 0);
        limit.Start(0);
    }
    const int64_t wait = limit.Wait(0);
    EXPECT_GT(wait, 0);
    EXPECT_LE(wait, 2 * kSecond);
    limit.Start(2 * kSecond);
    EXPECT_GT(limit.Wait(4 * kSecond), 50 * kSecond);
}

TEST(AudienceRate, PausesAndRequestsInFlight) {
    RateLimit limit({}, 1);
    EXPECT_EQ(limit.Wait(5), 0);
    limit.Start(5);
    EXPECT_EQ(limit.Wait(5), kDay);
    limit.End();
    limit.End();
    EXPECT_EQ(limit.in_flight(), 0);
    limit.Pause(100);
    limit.Pause(50);
    EXPECT_EQ(limit.Wait(5), 95);
    EXPECT_EQ(limit.Wait(100), 0);
}

// Hot loops and clocks that are set back.
TEST(AudienceRate, ClockSetBack) {
    RateLimit limit({{10, kSecond}}, 100);
    for (int i = 0; i < 10; ++i) limit.Start(kHour);
    EXPECT_GT(limit.Wait(0), 0);
    EXPECT_EQ(limit.Wait(2 * kHour), 0);
}

}  // namespace
}  // namespace pulse::audience
