// Values of fewer than ten people are redacted from everything that a model gets.
#include <gtest/gtest.h>

#include "diagnosis_testing.hpp"
#include "pulse/diagnosis/agent_redact.hpp"

namespace pulse::diagnosis {
namespace {

Redactor Taught() {
    Redactor redactor(false);
    SegmentSnapshot snapshot = MakeSnapshot(100, kDayOne);
    snapshot.attributes = {Values("plan", {{"pro", 90}, {"smith@x.org", 3}})};
    redactor.Learn(snapshot);
    return redactor;
}

TEST(AgentRedaction, Rules) {
    Redactor redactor = Taught();
    EXPECT_EQ(redactor.RedactRule("plan == 'pro'"), "plan = \"pro\"");
    EXPECT_EQ(redactor.RedactRule("plan == 'smith@x.org'"), "plan = \"(rare 1)\"");
    // One placeholder per value.
    EXPECT_EQ(redactor.RedactRule("plan in ['smith@x.org', 'pro', 'jones@x.org']"),
              "plan in [\"(rare 1)\", \"pro\", \"(rare 2)\"]");
    EXPECT_EQ(redactor.RedactRule("user_id == 48151623"), "user_id = \"(rare 3)\"");
    EXPECT_EQ(redactor.RedactRule("email contains 'smith'").find("smith"), std::string::npos);
    // Numeric limits of a rule are not values of people.
    EXPECT_EQ(redactor.RedactRule("ltv > 1000 && last_active_days <= 7"),
              "ltv > 1000 && last_active_days <= 7");
    EXPECT_EQ(redactor.RedactRule("signed_up >= '2024-01-01'"), "signed_up >= \"2024-01-01\"");
    // In conditions on elements and events, too.
    for (const char* rule :
         {"any(profile.users, email = 'bob@x.org')", "events.mail{to = 'bob@x.org'}.count > 0",
          "sequence(events.a -> events.mail{any(users, $ in ['bob@x.org'])}, in 7d)"})
        EXPECT_EQ(redactor.RedactRule(rule).find("bob"), std::string::npos) << redactor.RedactRule(rule);
    EXPECT_EQ(Redactor(true).RedactRule("plan == 'smith@x.org'"), "plan == 'smith@x.org'");
}

TEST(AgentRedaction, Sql) {
    Redactor redactor = Taught();
    const std::string sql = redactor.RedactSql(
        "SELECT id FROM u WHERE email = 'a''b@x.org' AND plan = 'pro' AND id = 481516 AND ltv >= 1000 "
        "AND n IN (4815, 16) -- ask bob@x.org\n AND \"Odd Name\" = $q$carl@x.org$q$ /* dora@x.org */");
    for (const char* secret : {"b@x.org", "481516", "4815,", "bob", "carl", "dora"})
        EXPECT_EQ(sql.find(secret), std::string::npos) << secret << " in " << sql;
    for (const char* kept : {"'pro'", ">= 1000", "\"Odd Name\""})
        EXPECT_NE(sql.find(kept), std::string::npos) << kept << " in " << sql;
    EXPECT_NO_THROW(redactor.RedactSql("'"));
    EXPECT_NO_THROW(redactor.RedactSql("E'\\"));
    EXPECT_NO_THROW(redactor.RedactSql("$a$ b"));
    EXPECT_NO_THROW(redactor.RedactSql("="));
    EXPECT_NO_THROW(redactor.RedactSql("5=5"));
}

TEST(AgentRedaction, JsonRules) {
    Redactor redactor = Taught();
    const auto redacted = redactor.RedactDefinition(nlohmann::json::parse(
        R"({"from":"app.users","rules":[{"field":"plan","operator":"=","value":"smith@x.org"},{"field":"ltv","operator":">","value":4815},
            {"field":"id","operator":"=","value":4815}],"groups":[{"rules":[{"field":"plan","operator":"in","value":["pro","bob@x.org"]}]}]})"));
    const std::string text = redacted.dump();
    EXPECT_EQ(text.find("@"), std::string::npos) << text;
    EXPECT_NE(text.find("\"pro\""), std::string::npos);
    EXPECT_EQ(redacted["rules"][1]["value"], 4815);
    EXPECT_NE(redacted["rules"][2]["value"], 4815);
    EXPECT_EQ(redacted["from"], "app.users");
}

TEST(AgentRedaction, JsonRulesAboutElements) {
    const auto redacted = Taught().RedactDefinition(nlohmann::json::parse(
        R"({"rules": [{"field": "profile.users", "operator": "any", "value": {"rules": [{"field": "email", "operator": "=", "value": "bob@x.org"}]}},
            {"field": "profile.at", "operator": "within_last", "value": {"days": 7}}]})"));
    EXPECT_EQ(redacted.dump().find("bob"), std::string::npos) << redacted.dump();
    EXPECT_EQ(redacted["rules"][1]["value"]["days"], 7);
}

TEST(AgentRedaction, Messages) {
    Redactor redactor = Taught();
    EXPECT_EQ(redactor.RedactQuoted("invalid input syntax for type integer: \"bob@x.org\""),
              "invalid input syntax for type integer: \"(rare)\"");
    EXPECT_EQ(redactor.RedactQuoted("clause plan == \"pro\" removed"), "clause plan == \"pro\" removed");
    EXPECT_EQ(redactor.RedactQuoted("it isn't \"x"), "it isn't \"x");
    // A quote inside a value does not end it.
    EXPECT_EQ(redactor.RedactQuoted("plan \"o\"brien\" was removed"), "plan \"(rare)\" was removed");
    EXPECT_EQ(redactor.RedactQuoted("plan \"pro\" and \"bob\" and \"carl\""), "plan \"pro\" and \"(rare)\"");
    EXPECT_EQ(redactor.RedactSummary("check unique fails: customer bob owes money"), "check unique fails");
    EXPECT_EQ(redactor.RedactSummary("the segment can no longer be measured: customer bob"),
              "the segment can no longer be measured");
    EXPECT_EQ(redactor.RedactSummary("size fell by 50 %"), "size fell by 50 %");
}

// Any function can raise any message with any SQLSTATE.
TEST(AgentRedaction, Errors) {
    const Redactor redactor(false);
    for (const char* state : {"P0001", "22P02", "42703", "BOB01", "", "4"}) {
        EXPECT_EQ(redactor.RedactError(state, "customer bob owes money").find("bob"), std::string::npos)
            << state;
        EXPECT_FALSE(redactor.RedactError(state, "x").empty());
    }
    EXPECT_EQ(Redactor(true).RedactError("P0001", "customer bob"), "customer bob");
    for (const auto& [state, error, kept] : {std::tuple{"42703", "column \"plan\" does not exist", true},
                                             {"42703", "column s.plan does not exist", true},
                                             {"42703", "column \"bob\" does not exist", false},
                                             {"P0001", "column \"plan\" does not exist", false},
                                             {"BOB01", "x", false}}) {
        DiagnosisInput input = MakeCase(100, 50);
        input.before->columns = {{"plan", "text"}};
        input.failed = MakeSnapshot(0, input.since + kDay);
        input.failed->error_state = state;
        input.failed->error = error;
        Redactor(false).Redact(input);
        EXPECT_EQ(input.failed->error == error, kept) << error;
        EXPECT_EQ(input.failed->error_state.find("BOB01"), std::string::npos);
    }
    DiagnosisInput input = MakeCase(100, 50);
    input.versions = {{1, "created", "maker", kDayOne, input.definition, {}}};
    Redactor(false).Redact(input);
    EXPECT_NE(input.versions[0].changed_by, "maker");
}

TEST(AgentRedaction, Values) {
    Redactor redactor(false);
    auto before = Values("plan", {{"pro", 90}, {"gone", 12}, {"bob", 9}}),
         after = Values("plan", {{"pro", 95}, {"gone", 0}, {"new", 4}});
    before.minimum = 1;
    redactor.RedactValues({&before, &after});
    EXPECT_EQ(before.labels, (std::vector<std::string>{"gone", "pro"}));
    EXPECT_EQ(before.other, 9);
    EXPECT_EQ(after.other, 4);
    EXPECT_EQ(after.counts.size(), after.labels.size());
    EXPECT_FALSE(before.minimum);
    EXPECT_EQ(redactor.Count(0), 0);
    EXPECT_EQ(redactor.Count(9), "fewer than 10");
    EXPECT_EQ(redactor.Count(10), 10);
    EXPECT_EQ(Redactor(true).Count(3), 3);
    // With fewer than ten people, every figure is personal data.
    snapshot::Distribution few;
    few.kind = segment::AttributeKind::kNumeric;
    few.total = 5;
    few.mean = 42;
    redactor.RedactValues({&few});
    EXPECT_FALSE(few.mean);
}

// A complete diagnosis of a segment with a rare value that contains a prompt injection.
TEST(AgentRedaction, DiagnosisContainsNoRareValues) {
    const std::string rare = "bob@example.org";
    DiagnosisInput input = MakeCase(5000, 2500);
    input.definition["where"] = "ltv > 1000 && email != '" + rare + "'";
    input.before->attributes = {Values("plan", {{"pro", 4000}, {"free", 994}, {rare, 6}})};
    input.after->attributes = {Values("plan", {{"pro", 1500}, {"free", 993}, {rare, 7}})};
    input.before->clauses = {{"email != \"" + rare + "\"", 4000, 10}};
    input.after->clauses = {{"email != \"" + rare + "\"", 2000, 900}};
    input.versions = {{1, "created", "maker", kDayOne, input.definition, {"email != \"" + rare + "\""}},
                      {2, "clause email != \"" + rare + "\" added", "maker", kDayOne, input.definition, {}}};
    input.failed = MakeSnapshot(0, input.since + kDay);
    input.failed->failed = true;
    input.failed->error_state = "22P02";
    input.failed->error = "invalid input syntax: \"" + rare + "\"";
    EXPECT_NE(ToJson(Diagnose(input)).dump().find(rare), std::string::npos);
    Redactor(false).Redact(input);
    const std::string json = ToJson(Diagnose(input)).dump() + input.definition.dump();
    EXPECT_EQ(json.find(rare), std::string::npos) << json;
    EXPECT_NE(json.find("pro"), std::string::npos);
}

}  // namespace
}  // namespace pulse::diagnosis
