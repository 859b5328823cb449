// Decisions: the order of the steps, and the reason of each.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "pulse/flag/decide.hpp"

namespace pulse::flag {
namespace {

class Person : public EvaluationContext {
  public:
    std::optional<std::string> id = "u1";
    std::set<size_t> holds;
    std::optional<size_t> override;
    bool meets = true;
    int asked = 0;

    bool RuleHolds(size_t rule) override { return ++asked, holds.contains(rule); }
    std::optional<std::string> BucketingId(size_t) override { return id; }
    std::optional<std::string> BucketingId() override { return id; }
    std::optional<size_t> Override() override { return override; }
    bool MeetsPrerequisite(const Prerequisite&) override { return meets; }
    void Explain(size_t rule, std::vector<ExplanationLine>& lines) override {
        lines.push_back({1, "rule", std::to_string(rule), ""});
    }
};

constexpr Moment kNow = 1000 * kDay;

// "variant REASON rule"
std::string Decided(const std::string& definition, Person& person,
                    const FlagState& state = {true, false, "salt"}, Moment now = kNow) {
    const Definition read = ReadDefinition(definition);
    std::vector<ExplanationLine> lines;
    const Decision decision = Decide(read, state, now, person);
    const Decision told = Decide(read, state, now, person, &lines);
    EXPECT_EQ(decision.variant, told.variant) << "explaining changes nothing";
    EXPECT_EQ(decision.reason, told.reason);
    EXPECT_EQ(decision.bucket, told.bucket);
    EXPECT_FALSE(lines.empty());
    return read.variants[decision.variant].name + " " + Name(decision.reason) + " " +
           std::to_string(decision.rule);
}
std::string Decided(const std::string& definition) {
    Person person;
    return Decided(definition, person);
}

TEST(FlagDecide, Reasons) {
    EXPECT_EQ(Decided("{}"), "on STATIC 1");
    EXPECT_EQ(Decided(R"({"rules": []})"), "off STATIC 0");
    EXPECT_EQ(Decided(R"({"when": "profile.x == 1"})"), "off DEFAULT 0");
    Person person;
    person.holds = {0};
    EXPECT_EQ(Decided(R"({"when": "profile.x == 1"})", person), "on TARGETING_MATCH 1");
    EXPECT_EQ(Decided(R"({"percentage": 99.999})"), "on SPLIT 1");
    EXPECT_EQ(Decided(R"({"percentage": 0})"), "off DEFAULT 0");
    EXPECT_EQ(
        Decided(
            R"({"variants": {"a": {"value": 1, "weight": 1}, "b": {"value": 2, "weight": 0}}, "off": "b"})"),
        "a STATIC 1");
    EXPECT_EQ(Decided("{}", person, {false, false, "s"}), "off DISABLED 0");
    EXPECT_EQ(Decided("{}", person, {true, true, "s"}), "off DISABLED 0");
}

TEST(FlagDecide, FirstMatchingRuleWins) {
    const std::string definition =
        R"({"rules": [{"when": "profile.a == 1", "variant": "off"}, {"when": "profile.b == 1"}, {"variant": "off"}]})";
    Person person;
    EXPECT_EQ(Decided(definition, person), "off TARGETING_MATCH 3");
    person.holds = {1};
    EXPECT_EQ(Decided(definition, person), "on TARGETING_MATCH 2");
    person.holds = {0, 1};
    person.asked = 0;
    EXPECT_EQ(Decided(definition, person), "off TARGETING_MATCH 1");
    EXPECT_EQ(person.asked, 2) << "once for each of the two decisions: later rules are not asked";
}

TEST(FlagDecide, OrderOfTheSteps) {
    const std::string all =
        R"({"overrides": {"u1": "on"}, "prerequisites": ["p"], "holdout": {"percentage": 100}, "schedule": {"from": "2000-01-02"}})";
    Person person;
    person.override = 1;
    EXPECT_EQ(Decided(all, person, {false, false, "s"}), "off DISABLED 0");
    EXPECT_EQ(Decided(all, person, {true, false, "s"}, 0), "off DISABLED 0") << "before its schedule";
    EXPECT_EQ(Decided(all, person), "on OVERRIDE 0");
    person.override.reset();
    person.meets = false;
    EXPECT_EQ(Decided(all, person), "off PREREQUISITE 0");
    person.meets = true;
    EXPECT_EQ(Decided(all, person), "off HOLDOUT 0");
}

TEST(FlagDecide, NoBucketingWithoutAnId) {
    Person nobody;
    nobody.id.reset();
    EXPECT_EQ(Decided(R"({"percentage": 99})", nobody), "off DEFAULT 0");
    EXPECT_EQ(Decided(R"({"percentage": 100})", nobody), "on STATIC 1") << "100 % needs no bucketing";
    EXPECT_EQ(Decided(R"({"holdout": {"percentage": 100}})", nobody), "on STATIC 1");
}

TEST(FlagDecide, RampsAndSchedulesFollowTheClock) {
    const std::string ramp =
        R"({"ramp": [{"at": "2002-01-01", "percentage": 0}, {"at": "2002-09-01", "percentage": 100}]})";
    Person person;
    EXPECT_EQ(Decided(ramp, person, {true, false, "s"}, *ParseMoment("2002-08-31 23:59:59")),
              "off DEFAULT 0");
    EXPECT_EQ(Decided(ramp, person, {true, false, "s"}, *ParseMoment("2002-09-01")), "on STATIC 1");
    const std::string rule = R"({"rules": [{"schedule": {"until": "2002-09-01"}}]})";
    EXPECT_EQ(Decided(rule, person, {true, false, "s"}, *ParseMoment("2002-09-01") - 1),
              "on TARGETING_MATCH 1");
    EXPECT_EQ(Decided(rule, person, {true, false, "s"}, *ParseMoment("2002-09-01")), "off DEFAULT 0");
}

TEST(FlagDecide, HoldoutsWithOneSaltHoldTheSamePeople) {
    int both = 0, own = 0;
    for (int i = 0; i < 2000; ++i) {
        Person person;
        person.id = "h" + std::to_string(i);
        const auto held = [&](const char* holdout, const char* salt) {
            return Decide(ReadDefinition(std::string(holdout)), {true, false, salt}, kNow, person).reason ==
                   Reason::kHoldout;
        };
        constexpr const char* kShared = R"({"holdout": {"percentage": 20, "salt": "2026"}})";
        EXPECT_EQ(held(kShared, "a"), held(kShared, "b"));
        constexpr const char* kOwn = R"({"holdout": {"percentage": 20}})";
        both += held(kOwn, "a") && held(kOwn, "b");
        own += held(kOwn, "a");
    }
    EXPECT_NEAR(own, 400, 90);
    EXPECT_NEAR(both, 80, 45) << "flags of their own hold out people of their own";
}

}  // namespace
}  // namespace pulse::flag
