// Definitions of flags: valid definitions, error messages, and the stored form.
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "pulse/flag/definition.hpp"

namespace pulse::flag {
namespace {

Definition Read(const std::string& text) {
    return ReadDefinition(text);
}
std::string StoredJson(const std::string& text) {
    return ToJson(Read(text)).dump();
}

// "SQLSTATE message | hint"
std::string Error(const std::function<void()>& work) {
    try {
        work();
    } catch (const UserError& error) {
        return error.state() + " " + error.message() + " | " + error.hint();
    }
    return "no error";
}
std::string Error(const std::string& text) {
    return Error([&] { Read(text); });
}

TEST(FlagDefinition, ARuleAloneIsABooleanFlag) {
    const char* expected =
        R"j({"default":"off","off":"off","rules":[{"variant":"on","when":"segment(\"power_users\")"}],"type":"boolean","variants":{"off":{"value":false},"on":{"value":true}}})j";
    EXPECT_EQ(StoredJson(R"j(segment("power_users"))j"), expected);
    EXPECT_EQ(StoredJson(R"j({"when": "segment( \"power_users\" )"})j"), expected);
    EXPECT_EQ(ToJson(ReadDefinition(Json("segment(\"power_users\")"))).dump(), expected) << "a text in JSON";
    EXPECT_EQ(
        Read(R"({"rules": [{"field": "profile.plan", "operator": "=", "value": "pro"}]})").rules[0].when,
        R"(profile.plan = "pro")");
}

TEST(FlagDefinition, TheStoredFormIsEquivalent) {
    for (
        const char* text :
        {R"({})", R"({"percentage": 12.5})", R"({"rules": []})",
         R"({"variants": {"a": 1, "b": 2}, "off": "a", "default": "b"})",
         R"({"variants": {"a": {"value": "x", "weight": 1}, "b": {"value": "y", "weight": 3, "payload": {"p": [1]}}}, "off": "a"})",
         R"({"rules": [{"when": "profile.x > 1", "variants": {"on": 20, "off": 80}, "bucket_by": ["account.id", "user"], "name": "n",
                 "schedule": {"from": "2026-01-01"}, "ramp": [{"at": "2026-02-01", "percentage": 50}, {"at": "2026-01-01", "percentage": 1}]}],
                 "overrides": {"u1": "on"}, "prerequisites": ["x", {"flag": "y", "variant": ["on", "off"]}], "holdout": {"percentage": 5, "salt": "h"},
                 "schedule": {"from": "2026-01-01T00:00:00+01:00", "until": "2027-01-01"}, "dialect": "unleash", "public": true})"}) {
        const Definition definition = Read(text);
        EXPECT_EQ(ReadDefinition(ToJson(definition)), definition) << text;
        EXPECT_EQ(Difference(definition, definition), "");
    }
}

TEST(FlagDefinition, PublicOnlyWhereItSaysSo) {
    EXPECT_TRUE(Read(R"({"public": true})").is_public);
    for (const char* text : {"{}", R"({"public": false})", R"({"public": null})", "true"})
        EXPECT_FALSE(Read(text).is_public) << text;
    EXPECT_EQ(Difference(Read("{}"), Read(R"({"public": true})")), "public true added");
}

TEST(FlagDefinition, Defaults) {
    EXPECT_EQ(Read("{}").rules.size(), 1u) << "on for everybody";
    EXPECT_EQ(Read("{}").variants[Read("{}").rules[0].weights[0].variant].name, "on");
    EXPECT_EQ(Read(R"({"rules": []})").rules.size(), 0u);
    EXPECT_EQ(Read(R"({"variants": {"yes": true, "no": false}})")
                  .variants[Read(R"({"variants": {"yes": true, "no": false}})").off]
                  .name,
              "no");
    EXPECT_EQ(Read(R"({"variants": {"a": "x", "off": ""}})").type, ValueType::kString);
    EXPECT_EQ(Read(R"({"variants": {"a": 1, "off": 0.5}})").type, ValueType::kNumber);
    EXPECT_EQ(Read(R"({"variants": {"a": 1, "off": "x"}})").type, ValueType::kJson);
    EXPECT_EQ(Read(R"({"variants": {"a": {"color": "red"}, "off": null}})").variants[0].value,
              Json({{"color", "red"}}))
        << "an object without \"value\" is one";
    const Definition weighted =
        Read(R"({"variants": {"b": {"value": 2, "weight": 3}, "a": {"value": 1, "weight": 1}}, "off": "a"})");
    ASSERT_EQ(weighted.rules[0].weights.size(), 2u);
    EXPECT_EQ(weighted.rules[0].weights[1].weight, 3);
    // The order of variants makes no difference.
    EXPECT_EQ(Read(R"({"rules": [{"variants": {"on": 1, "off": 2}}]})"),
              Read(R"({"rules": [{"variants": {"off": 2, "on": 1}}]})"));
}

TEST(FlagDefinition, RampsAreSteps) {
    const FlagRule rule =
        Read(R"({"ramp": [{"at": "2026-01-02", "percentage": 50}, {"at": "2026-01-01", "percentage": 10}]})")
            .rules[0];
    const Moment day = *ParseMoment("2026-01-01");
    EXPECT_EQ(rule.PercentageAt(day - 1), 0);
    EXPECT_EQ(rule.PercentageAt(day), 10);
    EXPECT_EQ(rule.PercentageAt(day + kDay - 1), 10);
    EXPECT_EQ(rule.PercentageAt(day + kDay), 50);
}

TEST(FlagDefinition, ErrorsNameThePlaceAndWhatIsValid) {
    const std::pair<const char*, const char*> cases[] = {
        {R"({"percentag": 5})",
         R"(22023 unknown key "percentag" in the definition of a flag | Did you mean "percentage"?)"},
        {R"({"percentage": 101})", "22023 percentage must be a number from 0 to 100 | "},
        {R"({"percentage": "5"})", "22023 percentage must be a number from 0 to 100 | "},
        {R"({"rules": [{}, {"percentage": -1}]})",
         "22023 rules[1].percentage must be a number from 0 to 100 | "},
        {R"({"rules": [{"wen": "true"}]})", R"(22023 unknown key "wen" in rules[0] | Did you mean "when"?)"},
        {R"({"description": "x"})",
         R"(22023 unknown key "description" in the definition of a flag | It is an argument of the function: )"},
        {R"({"rollout": 5})",
         R"(22023 unknown key "rollout" in the definition of a flag | The share of people that a rule applies to is )"},
        {R"({"prerequisites": [{"flag": "x", "variants": ["on"]}]})",
         R"(22023 unknown key "variants" in prerequisites[0] | Did you mean "variant"?)"},
        {R"({"name": "x"})",
         R"(22023 unknown key "name" in the definition of a flag | It belongs to a rule. )"},
        {R"({"from": "2026-01-01"})",
         R"(22023 unknown key "from" in the definition of a flag | It belongs to a schedule: )"},
        {R"({"rules": [{"overrides": {}}]})",
         R"(22023 unknown key "overrides" in rules[0] | It belongs to the flag itself, )"},
        {R"({"rules": [{"weight": 5}]})",
         R"(22023 unknown key "weight" in rules[0] | It belongs to a variant: )"},
        {R"({"holdout": {"percentage": 5, "when": "true"}})",
         R"(22023 unknown key "when" in holdout | It belongs to a rule: )"},
        {R"({"variants": {"on": {"value": true, "bucket_by": "x"}, "off": false}})",
         R"(22023 unknown key "bucket_by" in variants.on | It belongs to a rule: )"},
        {R"({"variants": {"on": {"weight": 50}, "off": {"weight": 50}}})",
         R"(22023 variants.off has no "value" | Give for example )"},
        {R"({"rules": {}})", "22023 rules must be a list | "},
        {R"({"rules": [], "percentage": 5})", R"(22023 "percentage" cannot be combined with "rules" | )"},
        {R"({"type": "bool"})",
         R"(22023 unknown type "bool" of a flag | Types are boolean, string, number, json.)"},
        {R"({"type": "string"})", R"(22023 variant "off" is not of type string | Specify "variants")"},
        {R"({"variants": {"a": 1}})",
         R"(22023 the flag has no off variant | Say which of the variants it is, as in {"off": "a"}.)"},
        {R"({"variants": {"a": 1, "b": 2, "off": 0}})", "22023 the flag does not specify a variant | "},
        {R"({"variants": {"a": 1, "b": 2, "off": 0}, "rules": [{"variant": "c"}]})",
         R"(22023 unknown variant "c" in rules[0].variant | )"},
        {R"({"rules": [{"variant": "on", "variants": {"on": 1}}]})",
         R"(22023 rules[0] has both "variant" and "variants" | )"},
        {R"({"rules": [{"variants": {"on": 0}}]})", "22023 rules[0].variants has no weight above 0 | "},
        {R"({"rules": [{"variants": {"on": "x"}}]})", "22023 rules[0].variants.on must be a weight | "},
        {R"({"overrides": {"u": "onn"}})",
         R"(22023 unknown variant "onn" in overrides.u | Did you mean "on"?)"},
        {R"({"prerequisites": [{"variant": "on"}]})", R"(22023 prerequisites[0] needs a "flag" | )"},
        {R"({"holdout": {}})", R"(22023 holdout needs a "percentage" | )"},
        {R"({"schedule": {"from": "soon"}})", "22023 schedule.from must be a date or time | "},
        {R"({"schedule": {"from": "2026-02-01", "until": "2026-01-01"}})",
         "22023 schedule ends before it begins | "},
        {R"({"ramp": []})", "22023 ramp must not be empty | "},
        {R"({"ramp": [{"at": "2026-01-01"}]})", R"(22023 ramp[0] needs "at" and "percentage" | )"},
        {R"({"ramp": [{"at": "2026-01-01", "percentage": 1}, {"at": "2026-01-01", "percentage": 2}]})",
         "22023 ramp has two percentages for the same time | "},
        {R"({"percentage": 5, "ramp": [{"at": "2026-01-01", "percentage": 1}]})",
         "22023 the flag has both a percentage and a ramp | "},
        {R"({"percentage": 5, "bucket_by": "plan"})", "22023 bucket_by is not a valid id for bucketing | "},
        {R"({"percentage": 5, "bucket_by": []})", "22023 bucket_by must have 1 to 10 elements | "},
        {R"({"dialect": "split"})",
         R"(22023 unknown dialect "split" | Dialects are pulse, unleash, growthbook, posthog, flagd.)"},
        {R"({"enabled": 1})", R"(22023 enabled must be true or false | )"},
        {R"({"public": "yes"})", R"(22023 public must be true or false | )"},
        {R"({"rules": [{"public": true}]})", "22023 "},
        {R"({"when": "profile.plan =="})", "42601 "},
        {R"({"when": 5})", "22023 when must be a rule | "},
        {"{\"when\": ", "22P02 invalid JSON in the definition of a flag at position "},
        {"  ", "22023 the definition of a flag must not be empty | "},
    };
    for (const auto& [text, expected] : cases) {
        const std::string error = Error(text);
        EXPECT_TRUE(error.starts_with(expected)) << text << "\n  " << error;
    }
    EXPECT_TRUE(Error([] {
                    ReadDefinition(Json(5));
                }).starts_with("22023 the definition of a flag must be an object"));
    EXPECT_TRUE(Error([] {
                    FindReferences(Read("events.purchase.count_30d >= 1"));
                }).starts_with("0A000 rules of flags cannot use events directly"));
}

TEST(FlagDefinition, HugeAndDeepDefinitionsAreRefused) {
    std::string deep(200'000, '[');
    deep += std::string(200'000, ']');
    EXPECT_TRUE(Error(R"({"variants": {"off": )" + deep + "}}").starts_with("54000 "))
        << "no recursion without a limit";
    Json overrides;
    for (int i = 0; i <= 10'000; ++i) overrides["u" + std::to_string(i)] = "on";
    EXPECT_TRUE(Error([&] {
                    ReadDefinition(Json{{"overrides", overrides}});
                }).starts_with("54000 overrides is too long"));
    EXPECT_TRUE(
        Error([&] {
            ReadDefinition(Json{{"variants", {{"off", std::string(2 << 20, 'x')}}}, {"default", "off"}});
        }).starts_with("54000 "));
    Json rules = Json::array();
    for (int i = 0; i <= 100; ++i) rules.push_back(Json::object());
    EXPECT_TRUE(Error([&] {
                    ReadDefinition(Json{{"rules", rules}});
                }).starts_with("54000 rules is too long"));
}

TEST(FlagDefinition, Keys) {
    for (const char* key : {"premium", "new-checkout", "a.b_c-D9"})
        EXPECT_EQ(Error([&] { CheckKey(key); }), "no error");
    for (const std::string& key : {std::string(""), std::string("my flag"), std::string("a/b"),
                                   std::string("ä"), std::string(256, 'k')})
        EXPECT_TRUE(Error([&] { CheckKey(key); }).starts_with("22023 invalid flag key")) << key;
}

TEST(FlagDefinition, DifferencesAsText) {
    EXPECT_EQ(
        Difference(Read(R"({"percentage": 10})"), Read(R"({"percentage": 25, "overrides": {"u1": "on"}})")),
        "rule 1 percentage: 10 → 25; override u1 on added");
    EXPECT_EQ(Difference(Read(R"({"schedule": {"from": "2026-01-01"}})"), Read("{}")),
              R"(schedule {"from":"2026-01-01 00:00:00+00"} removed)");
}

TEST(FlagDefinition, References) {
    const References uses = FindReferences(Read(
        R"j({"rules": [{"when": "segment(\"b\") && trait(\"t\") > 1"}, {"when": "segment(\"a\") || buyer"}], "prerequisites": ["p"]})j"));
    EXPECT_EQ(uses.segments, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(uses.traits, (std::vector<std::string>{"buyer", "t"}));
    EXPECT_EQ(uses.flags, (std::vector<std::string>{"p"}));
}

TEST(FlagDefinition, FindsCyclesOfPrerequisites) {
    EXPECT_EQ(FindCycle("a", {"b"}, {{"b", {"c"}}, {"c", {"a"}}}), "a → b → c → a");
    EXPECT_EQ(FindCycle("a", {"a"}, {}), "a → a");
    EXPECT_EQ(FindCycle("a", {"b", "c"}, {{"b", {"d"}}, {"c", {"d"}}, {"d", {}}}), "") << "a diamond is none";
    std::map<std::string, std::vector<std::string>> chain;
    for (int i = 0; i < 16; ++i) chain["f" + std::to_string(i)] = {"f" + std::to_string(i + 1)};
    EXPECT_EQ(FindCycle("f", {"f2"}, chain), "");
    EXPECT_TRUE(Error([&] { FindCycle("f", {"f0"}, chain); }).starts_with("54000 "));
    EXPECT_TRUE(Error([&] {
                    FindCycle("f", {"f5", "f0"}, chain);
                }).starts_with("54000 "))
        << "also where a part of the way was gone before";
    // A wide graph is searched once.
    std::map<std::string, std::vector<std::string>> layers;
    for (int layer = 0; layer < 14; ++layer)
        for (int i = 0; i < 10; ++i)
            for (int k = 0; k < 10; ++k)
                layers[std::to_string(layer) + "." + std::to_string(i)].push_back(std::to_string(layer + 1) +
                                                                                  "." + std::to_string(k));
    EXPECT_EQ(FindCycle("f", {"0.0", "0.1"}, layers), "");
}

}  // namespace
}  // namespace pulse::flag
