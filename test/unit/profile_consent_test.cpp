// What statements about consent come to, against brute force.
#include "pulse/profile/consent_state.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace pulse::profile {
namespace {

const std::vector<std::string> kPurposes = {"ads", "all", "email"};

ConsentRecord Said(int64_t id, int64_t profile, const char* purpose, ConsentStatus status, Moment at,
                   std::optional<Moment> expires_at = std::nullopt) {
    return {id, profile, purpose, status, at, at, expires_at};
}

constexpr ConsentStatus kYes = ConsentStatus::kGranted, kNo = ConsentStatus::kDenied;

bool Live(const std::map<std::string, ConsentState>& states, const char* purpose, Moment at) {
    const auto state = states.find(purpose);
    return state != states.end() && IsLive(state->second, at);
}

TEST(Consent, NothingSaidIsNoConsent) {
    EXPECT_TRUE(FoldConsent({}, {}, kPurposes).empty());
}

TEST(Consent, TheNewestCounts) {
    const auto states = FoldConsent({Said(1, 1, "ads", kNo, 20), Said(2, 1, "ads", kYes, 10)}, {}, kPurposes);
    EXPECT_EQ(states.at("ads").status, kNo);
    EXPECT_EQ(states.at("ads").record, 1);
    EXPECT_FALSE(Live(states, "ads", 9));
    EXPECT_TRUE(Live(states, "ads", 10));
    EXPECT_TRUE(Live(states, "ads", 19));
    EXPECT_FALSE(Live(states, "ads", 20));
    EXPECT_FALSE(states.contains("email"));
}

TEST(Consent, AtTheSameInstantTheStricterCounts) {
    for (const auto& [first, second] : {std::pair{kYes, kNo}, std::pair{kNo, kYes}}) {
        const auto states =
            FoldConsent({Said(1, 1, "ads", first, 10), Said(2, 1, "ads", second, 10)}, {}, kPurposes);
        EXPECT_EQ(states.at("ads").status, kNo);
        EXPECT_TRUE(states.at("ads").live.empty());
    }
    const auto ends =
        FoldConsent({Said(1, 1, "ads", kYes, 10), Said(2, 1, "ads", kYes, 10, 15)}, {}, kPurposes);
    EXPECT_EQ(ends.at("ads").expires_at, 15);
}

TEST(Consent, ExpiresAtTheInstant) {
    const auto states = FoldConsent({Said(1, 1, "ads", kYes, 10, 15)}, {}, kPurposes);
    EXPECT_TRUE(Live(states, "ads", 14));
    EXPECT_FALSE(Live(states, "ads", 15));
    EXPECT_EQ(states.at("ads").status, kYes);
}

TEST(Consent, AllStandsForEachPurpose) {
    const auto states =
        FoldConsent({Said(1, 1, "ads", kYes, 10), Said(2, 1, "all", kNo, 20), Said(3, 1, "email", kYes, 30)},
                    {}, kPurposes);
    EXPECT_EQ(states.at("ads").status, kNo);
    EXPECT_EQ(states.at("email").status, kYes);
    EXPECT_EQ(states.at("all").status, kNo);
    EXPECT_FALSE(Live(states, "email", 29));
}

TEST(Consent, AMergeKeepsTheStricterAndLaterStatementsCountForBoth) {
    std::vector<ConsentRecord> records = {Said(1, 1, "ads", kNo, 10), Said(2, 2, "ads", kYes, 20)};
    const std::vector<ConsentMerge> merges = {{1, 2, 30}};
    EXPECT_EQ(FoldConsent(records, merges, kPurposes).at("ads").status, kNo);
    records.push_back(Said(3, 2, "ads", kYes, 30));
    EXPECT_EQ(FoldConsent(records, merges, kPurposes).at("ads").status, kNo) << "said before the merge";
    records.push_back(Said(4, 2, "ads", kYes, 31));
    const auto states = FoldConsent(records, merges, kPurposes);
    EXPECT_EQ(states.at("ads").status, kYes);
    EXPECT_FALSE(Live(states, "ads", 30));
    EXPECT_TRUE(Live(states, "ads", 31));
}

TEST(Consent, WhoSaidNothingHasNoSayInAMerge) {
    EXPECT_EQ(FoldConsent({Said(1, 1, "ads", kYes, 10)}, {{1, 2, 20}}, kPurposes).at("ads").status, kYes);
}

TEST(Consent, ARepeatedRefusalIsNewerThanWhatArrivesLate) {
    ConsentRecord refused = Said(1, 1, "ads", kNo, 10);
    refused.repeated_at = 30;
    const auto states = FoldConsent({refused, Said(2, 1, "ads", kYes, 20)}, {}, kPurposes);
    EXPECT_EQ(states.at("ads").status, kNo);
    EXPECT_TRUE(Live(states, "ads", 29));
    EXPECT_FALSE(Live(states, "ads", 30));
}

// As the definition says: of what was said up to the moment, all that no later statement of who was the same
// person at its time replaced must be consent that has not expired.
class BruteForce {
  public:
    BruteForce(const std::vector<ConsentRecord>& records, const std::vector<ConsentMerge>& merges)
        : records_(records), merges_(merges) {}

    bool Live(const std::string& purpose, Moment at) const {
        bool any = false, live = true;
        for (const ConsentRecord& one : records_) {
            if (!About(one, purpose) || one.at > at || IsReplaced(one, purpose, at)) continue;
            any = true;
            live = live && one.status == kYes && (!one.expires_at || at < *one.expires_at);
        }
        return any && live;
    }

  private:
    static bool About(const ConsentRecord& record, const std::string& purpose) {
        return record.purpose == purpose || record.purpose == kAllPurposes;
    }

    bool IsReplaced(const ConsentRecord& one, const std::string& purpose, Moment at) const {
        return std::any_of(records_.begin(), records_.end(), [&](const ConsentRecord& later) {
            return About(later, purpose) && later.at <= at && later.at > one.at &&
                   Same(one.profile, later.profile, later.at);
        });
    }

    // By closure over the merges before the moment.
    bool Same(int64_t a, int64_t b, Moment before) const {
        std::vector<int64_t> reached = {a};
        for (size_t i = 0; i < reached.size(); ++i)
            for (const ConsentMerge& merge : merges_) {
                if (merge.at >= before) continue;
                for (const auto& [from, to] :
                     {std::pair{merge.survivor, merge.merged}, std::pair{merge.merged, merge.survivor}})
                    if (reached[i] == from && std::find(reached.begin(), reached.end(), to) == reached.end())
                        reached.push_back(to);
            }
        return std::find(reached.begin(), reached.end(), b) != reached.end();
    }

    const std::vector<ConsentRecord>& records_;
    const std::vector<ConsentMerge>& merges_;
};

TEST(Consent, EqualsBruteForceOverRandomHistories) {
    std::mt19937 random(16);
    const auto pick = [&](int most) { return static_cast<int>(random() % static_cast<unsigned>(most)); };
    for (int round = 0; round < 3000; ++round) {
        std::vector<ConsentRecord> records;
        std::vector<ConsentMerge> merges;
        const int profiles = 1 + pick(4);
        // Each profile is merged once at most, into one with a lower number.
        for (int i = 2; i <= profiles; ++i)
            if (pick(3) > 0) merges.push_back({1 + pick(i - 1), i, pick(20)});
        const int count = pick(9);
        for (int i = 0; i < count; ++i) {
            const auto status = static_cast<ConsentStatus>(pick(3));
            const Moment at = pick(20);
            records.push_back(
                Said(i + 1, 1 + pick(profiles), kPurposes[static_cast<size_t>(pick(3))].c_str(), status, at));
            if (status == kYes && pick(2) == 0) records.back().expires_at = at + 1 + pick(10);
        }
        const auto states = FoldConsent(records, merges, kPurposes);
        const BruteForce truth(records, merges);
        for (const std::string& purpose : kPurposes)
            for (Moment at = -1; at < 32; ++at)
                ASSERT_EQ(Live(states, purpose.c_str(), at), truth.Live(purpose, at))
                    << "round " << round << ", " << purpose << " at " << at;
        for (const auto& [purpose, state] : states)
            for (size_t i = 1; i < state.live.size(); ++i)
                ASSERT_GT(state.live[i].first, state.live[i - 1].second) << "periods are apart";
    }
}

// A merge never makes anybody's consent looser than the stricter of both was, and undoing it gives back what
// each had.
TEST(Consent, MergesOnlyTakeAway) {
    std::mt19937 random(17);
    const auto pick = [&](int most) { return static_cast<int>(random() % static_cast<unsigned>(most)); };
    for (int round = 0; round < 2000; ++round) {
        std::vector<ConsentRecord> one, other;
        for (int i = 0; i < 3; ++i) {
            one.push_back(Said(i + 1, 1, "ads", static_cast<ConsentStatus>(pick(3)), pick(10)));
            other.push_back(Said(i + 4, 2, "ads", static_cast<ConsentStatus>(pick(3)), pick(10)));
        }
        std::vector<ConsentRecord> both = one;
        both.insert(both.end(), other.begin(), other.end());
        const auto merged = FoldConsent(both, {{1, 2, 10}}, {"ads"});
        EXPECT_EQ(Live(merged, "ads", 11), Live(FoldConsent(one, {}, {"ads"}), "ads", 11) &&
                                               Live(FoldConsent(other, {}, {"ads"}), "ads", 11));
    }
}

}  // namespace
}  // namespace pulse::profile
