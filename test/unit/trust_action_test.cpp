// Actions: what may be carried out, limits, and the definitions of automations.
#include "pulse/trust/action.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "pulse/base/error.hpp"
#include "pulse/trust/automation.hpp"
#include "pulse/trust/limits.hpp"

namespace pulse::trust {

namespace {

using nlohmann::json;

std::string ErrorOf(const std::string& text) {
    try {
        ReadAutomation(json::parse(text));
    } catch (const UserError& error) {
        return error.state() + " " + error.message();
    }
    return "";
}

// Every combination of what Decide() looks at.
template <typename Body>
void ForAllCases(Body body) {
    for (int bits = 0; bits < 1 << 9; ++bits)
        for (const Level level : {Level::kSuggest, Level::kGuarded, Level::kApproval})
            for (const Mode mode : {Mode::kAdvisory, Mode::kSoftBlock, Mode::kHardBlock})
                body(Considered{.passes = (bits & 1) != 0,
                                .holds = (bits & 3) == 2,
                                .level = level,
                                .high_risk = (bits & 4) != 0,
                                .moves_many = (bits & 8) != 0,
                                .approved = (bits & 16) != 0,
                                .confirmed = (bits & 32) != 0,
                                .overridden = (bits & 64) != 0,
                                .enforced = (bits & 128) != 0,
                                .violated = (bits & 256) != 0,
                                .mode = mode});
}

TEST(Action, NothingIsCarriedOutWithoutAPassOrAnOverriddenHold) {
    int carried_out = 0;
    ForAllCases([&](const Considered& considered) {
        if (Decide(considered).state != State::kApproved) return;
        ++carried_out;
        EXPECT_TRUE(considered.passes || (considered.holds && considered.overridden));
    });
    EXPECT_GT(carried_out, 100);
}

TEST(Action, WhatIsCarriedOutUnseenIsGuardedMildAndSmall) {
    ForAllCases([&](const Considered& considered) {
        if (Decide(considered).state != State::kApproved || considered.approved || considered.confirmed)
            return;
        EXPECT_EQ(considered.level, Level::kGuarded);
        EXPECT_FALSE(considered.moves_many);
        const bool enforced = considered.enforced && considered.mode != Mode::kAdvisory;
        EXPECT_FALSE(enforced && (considered.high_risk || considered.violated));
    });
}

TEST(Action, TheKillSwitchNeverChangesWhatTheGateRefuses) {
    ForAllCases([&](Considered considered) {
        if (considered.passes || (considered.holds && considered.overridden)) return;
        considered.enforced = false;
        EXPECT_NE(Decide(considered).state, State::kApproved);
    });
}

TEST(Action, AHardLimitDismissesWhateverPeopleSay) {
    ForAllCases([&](const Considered& considered) {
        if (!considered.violated || !considered.enforced || considered.mode != Mode::kHardBlock) return;
        EXPECT_EQ(Decide(considered).state, State::kDismissed);
    });
}

TEST(Action, ASoftLimitNeedsAConfirmationAndNotOnlyAnApproval) {
    const Considered considered{.passes = true,
                                .level = Level::kApproval,
                                .approved = true,
                                .violated = true,
                                .mode = Mode::kSoftBlock};
    EXPECT_EQ(Decide(considered).need, Need::kConfirmation);
    Considered confirmed = considered;
    confirmed.confirmed = true;
    EXPECT_EQ(Decide(confirmed).state, State::kApproved);
}

TEST(Action, WhatAPersonHasSeenWaitsForTheGateByItself) {
    Considered considered{.level = Level::kGuarded, .mode = Mode::kAdvisory};
    EXPECT_EQ(Decide(considered).need, Need::kDecision);
    considered.approved = true;
    EXPECT_EQ(Decide(considered).need, Need::kHealth);
    considered.approved = false;
    considered.holds = true;
    EXPECT_EQ(Decide(considered).need, Need::kHealth);
}

TEST(Action, NamesAreRead) {
    for (const State state : {State::kPending, State::kApproved, State::kApplying, State::kApplied,
                              State::kFailed, State::kDismissed, State::kRolledBack, State::kExpired})
        EXPECT_EQ(ReadState(Name(state)), state);
    EXPECT_FALSE(IsFinal(State::kApplying));
    EXPECT_TRUE(IsFinal(State::kExpired));
    EXPECT_THROW(ReadLevel("sure"), UserError);
    EXPECT_THROW(ReadMode("", "mode"), UserError);
    EXPECT_THROW(ReadState("lost"), std::logic_error);
}

TEST(Limits, CountDaysDistancesAndChanges) {
    const Limits limits = ReadLimits(
        json::parse(R"({"per_day": 2, "apart": "4 h", "max_change": 0.3, "max_value": 200})"), "limits");
    const Moment now = 1000 * kDay;
    const auto count = [&](int64_t today, std::optional<Moment> last, const char* payload) {
        return Violations(limits, {today, last, now}, json::parse(payload)).size();
    };
    EXPECT_EQ(count(1, now - 4 * kHour, R"({"before": 100, "after": 130})"), 0U);
    EXPECT_EQ(count(2, now - 4 * kHour, R"({"before": 100, "after": 70})"), 1U);
    EXPECT_EQ(count(1, now - 4 * kHour + 1, R"({"before": 100, "after": 100})"), 1U);
    // A clock that was set back.
    EXPECT_EQ(count(0, now + kDay, R"({"before": 100, "after": 100})"), 1U);
    EXPECT_EQ(count(0, {}, R"({"before": 100, "after": 131})"), 1U);
    EXPECT_EQ(count(0, {}, R"({"before": -100, "after": -69})"), 1U);
    EXPECT_EQ(count(0, {}, R"({"before": 0, "after": 0})"), 0U);
    EXPECT_EQ(count(0, {}, R"({"before": 0, "after": 1})"), 1U);
    EXPECT_EQ(count(0, {}, R"({"before": 190, "after": 201})"), 1U);
    EXPECT_EQ(count(0, {}, R"({"before": "100", "after": 100})"), 1U);
    EXPECT_EQ(count(0, {}, "{}"), 2U);
}

TEST(Limits, AreRead) {
    for (const char* bad : {R"({"per_day": 0})", R"({"per_day": 2.5})", R"({"apart": "x"})",
                            R"({"apart": 5})", R"({"apart": "400 days"})", R"({"max_change": -0.1})",
                            R"({"max_value": "1"})", R"({"per_week": 1})", "[]", "null"})
        EXPECT_THROW(ReadLimits(json::parse(bad), "limits"), UserError) << bad;
    EXPECT_EQ(ReadLimits(json::object(), "limits"), Limits());
}

TEST(Automation, DefinitionsAreRead) {
    const AutomationDefinition definition = ReadAutomation(json::parse(R"({
        "when": {"incident": {"segment": "buyers", "severity": "high"}},
        "do": {"action": "increase_budget", "subject": "ad_campaign:a", "payload": {"before": 1}, "channel": "ads"},
        "level": "guarded", "mode": "hard_block", "limits": {"per_day": 5, "cool_down": "1 h", "max_share": 0.1}})"));
    EXPECT_EQ(definition.when.kind, Trigger::Kind::kIncident);
    EXPECT_EQ(definition.when.segment, "buyers");
    EXPECT_EQ(definition.subject, "ad_campaign:a");
    EXPECT_EQ(definition.level, Level::kGuarded);
    EXPECT_EQ(definition.mode, Mode::kHardBlock);
    EXPECT_EQ(definition.limits.per_day, 5);
    EXPECT_EQ(definition.cool_down, kHour);
    EXPECT_EQ(definition.max_share, 0.1);
    EXPECT_EQ(Describe(definition.when), "an incident of segment \"buyers\", severity high or worse");
    const AutomationDefinition small =
        ReadAutomation(json::parse(R"({"when": {"schedule": "@daily"}, "do": {"action": "x"}})"));
    EXPECT_EQ(small.level, Level::kApproval);
    EXPECT_EQ(small.mode, std::nullopt);
    EXPECT_EQ(small.max_share, std::nullopt);
}

TEST(Automation, InvalidDefinitionsAreRefused) {
    for (const char* bad :
         {"[]", "{}", R"({"when": {"schedule": "@daily"}})", R"({"do": {"action": "x"}})",
          R"({"when": {}, "do": {"action": "x"}})", R"({"when": {"weather": 1}, "do": {"action": "x"}})",
          R"({"when": {"schedule": "@daily", "incident": {}}, "do": {"action": "x"}})",
          R"({"when": {"schedule": "61 * * * *"}, "do": {"action": "x"}})",
          R"({"when": {"schedule": 5}, "do": {"action": "x"}})",
          R"({"when": {"signal": {"name": "x", "above": 1, "below": 2}}, "do": {"action": "x"}})",
          R"({"when": {"membership": {"segment": "x", "change": "moved"}}, "do": {"action": "x"}})",
          R"({"when": {"schedule": "@daily"}, "do": {"action": "X"}})",
          R"({"when": {"schedule": "@daily"}, "do": {"action": "x", "subject": "y"}})",
          R"({"when": {"schedule": "@daily"}, "do": {"action": "x", "payload": []}})",
          R"({"when": {"schedule": "@daily"}, "do": {"action": "x"}, "limits": {"max_share": 1.5}})",
          R"({"when": {"schedule": "@daily"}, "do": {"action": "x"}, "limits": {"cool_down": "-1 h"}})",
          R"({"when": {"schedule": "@daily"}, "do": {"action": "x"}, "risk": "low"})"})
        EXPECT_EQ(ErrorOf(bad).substr(0, 5), "22023") << bad;
}

TEST(Automation, ChangesNameTheParts) {
    EXPECT_EQ(DescribeChange({{"a", 1}, {"b", 1}}, {{"a", 1}, {"b", 2}, {"c", 1}}), "b, c");
    EXPECT_EQ(DescribeChange({{"a", 1}}, json::object()), "a");
    EXPECT_EQ(DescribeChange({{"a", 1}}, {{"a", 1}}), "nothing");
}

}  // namespace

}  // namespace pulse::trust
