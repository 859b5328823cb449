// The answer to "can I send now?".
#include "pulse/trust/campaign.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "pulse/base/error.hpp"

namespace pulse::trust {

namespace {

CampaignFacts GoodCampaign() {
    CampaignFacts facts;
    facts.name = "spring";
    facts.segment = "buyers";
    facts.planned = 1000;
    facts.channel = "email";
    facts.of_people = true;
    facts.reach = 1000;
    facts.gate = "pass";
    return facts;
}

CampaignOptions ChangedOptions(const char* json) {
    CampaignOptions options;
    ChangeCampaignOptions(nlohmann::json::parse(json), options);
    return options;
}

}  // namespace

TEST(TrustCampaign, YesOnlyIfNothingSpeaksAgainstIt) {
    EXPECT_EQ(JudgeCampaign(GoodCampaign()).answer, CampaignAnswer::kYes);
    EXPECT_TRUE(JudgeCampaign(GoodCampaign()).advice.empty());
    CampaignFacts unknown;  // nothing is known: the gate's decision is block
    EXPECT_EQ(JudgeCampaign(unknown).answer, CampaignAnswer::kNo);
}

TEST(TrustCampaign, TheWorstCounts) {
    CampaignFacts facts = GoodCampaign();
    facts.gate = "hold";
    facts.gate_reasons = {"The score is 60."};
    EXPECT_EQ(JudgeCampaign(facts).answer, CampaignAnswer::kHold);
    EXPECT_EQ(JudgeCampaign(facts).reasons.back(), "The gate holds: The score is 60.");
    facts.reach = 0;
    EXPECT_EQ(JudgeCampaign(facts).answer, CampaignAnswer::kNo);
    facts = GoodCampaign();
    facts.gate = "anything else";
    EXPECT_EQ(JudgeCampaign(facts).answer, CampaignAnswer::kNo);
}

TEST(TrustCampaign, TheShareOfThePlanDecides) {
    CampaignFacts facts = GoodCampaign();
    facts.reach = 800;
    EXPECT_EQ(JudgeCampaign(facts).answer, CampaignAnswer::kYes);
    facts.reach = 799;
    const CampaignJudgement judgement = JudgeCampaign(facts);
    EXPECT_EQ(judgement.answer, CampaignAnswer::kHold);
    EXPECT_EQ(judgement.reasons.front(), "Segment \"buyers\" has 799 people: 79 % of the planned 1,000.");
    ASSERT_EQ(judgement.advice.size(), 1u);
    // Who can be reached counts, not who is a member.
    facts.reach = 2000;
    facts.reachable = 700;
    EXPECT_EQ(JudgeCampaign(facts).answer, CampaignAnswer::kHold);
    EXPECT_EQ(ReachOf(facts), 700);
    facts.min_share = 0;
    EXPECT_EQ(JudgeCampaign(facts).answer, CampaignAnswer::kYes);
}

TEST(TrustCampaign, OnlyGraveIncidentsHoldIt) {
    CampaignFacts facts = GoodCampaign();
    facts.incidents = {{7, "medium", "segment \"buyers\"", "It fell.", "", ""}};
    EXPECT_EQ(JudgeCampaign(facts).answer, CampaignAnswer::kYes);
    EXPECT_EQ(JudgeCampaign(facts).reasons[1], "Incident 7 (medium) of segment \"buyers\" is open: It fell.");
    facts.incidents[0].severity = "critical";
    facts.incidents[0].cause = "The value web vanished.";
    const CampaignJudgement judgement = JudgeCampaign(facts);
    EXPECT_EQ(judgement.answer, CampaignAnswer::kHold);
    EXPECT_EQ(judgement.reasons[1],
              "Incident 7 (critical) of segment \"buyers\" is open: It fell. The value web vanished.");
    EXPECT_EQ(judgement.advice, std::vector<std::string>{"Resolve incident 7 first."});
}

TEST(TrustCampaign, OverlapHoldsOnlyWhereItIsLimited) {
    CampaignFacts facts = GoodCampaign();
    facts.overlaps = {{"summer", 0, 600}, {"autumn", 0, std::nullopt}};
    EXPECT_EQ(JudgeCampaign(facts).answer, CampaignAnswer::kYes);
    EXPECT_EQ(JudgeCampaign(facts).reasons.size(), 3u);
    facts.max_overlap = 0.6;
    EXPECT_EQ(JudgeCampaign(facts).answer, CampaignAnswer::kYes);
    facts.max_overlap = 0.5;
    EXPECT_EQ(JudgeCampaign(facts).answer, CampaignAnswer::kHold);
}

TEST(TrustCampaign, ADeletedSegmentIsNo) {
    CampaignFacts facts = GoodCampaign();
    facts.segment_problem = "was deleted";
    facts.segment = "";
    EXPECT_EQ(JudgeCampaign(facts).reasons, std::vector<std::string>{"Segment of the campaign was deleted."});
    EXPECT_EQ(JudgeCampaign(facts).answer, CampaignAnswer::kNo);
}

TEST(TrustCampaign, NextChecks) {
    const Moment at = 10 * kDay;
    EXPECT_EQ(NextCampaignCheck(at, 0, CampaignAnswer::kYes), at - kDay);
    EXPECT_EQ(NextCampaignCheck(at, at - kDay, CampaignAnswer::kYes), at - kHour);
    EXPECT_EQ(NextCampaignCheck(at, at - kHour, CampaignAnswer::kYes), at);
    EXPECT_EQ(NextCampaignCheck(at, 0, CampaignAnswer::kHold), kHour);
    EXPECT_EQ(NextCampaignCheck(at, at - kMinute, CampaignAnswer::kNo), at);
    EXPECT_EQ(NextCampaignCheck(at, at + kDay, CampaignAnswer::kYes), at);
}

TEST(TrustCampaign, Options) {
    const CampaignOptions options = ChangedOptions(R"({"purpose": "ads", "period": "2h", "notify": []})");
    EXPECT_EQ(options.purpose, "ads");
    EXPECT_EQ(options.period, 2 * kHour);
    EXPECT_TRUE(options.notify && options.notify->empty());
    EXPECT_EQ(ChangedOptions(R"({"purpose": null, "period": null})").period, kDay);
    for (const char* bad : {"[]", R"({"period": "0s"})", R"({"period": "x"})", R"({"min_share": 2})",
                            R"({"x": 1})", R"({"notify": "x"})", R"({"purpose": 5})"})
        EXPECT_THROW(ChangedOptions(bad), UserError) << bad;
}

TEST(TrustCampaign, Results) {
    EXPECT_EQ(DescribeResult(10000, 5800, 120), "Reached 5,800 of the planned 10,000 (58 %); 120 converted.");
    EXPECT_EQ(DescribeResult(10000, std::nullopt, {}),
              "Nobody knows how many of the planned 10,000 were reached.");
}

}  // namespace pulse::trust
