#include "pulse/base/error.hpp"
#include "pulse/segment/member_query.hpp"
#include "pulse/segment/attribute.hpp"
#include "pulse/segment/definition_diff.hpp"

#include <gtest/gtest.h>

namespace pulse::segment {
namespace {

const std::vector<source::Column> kUsers = {
    {"id", "integer", "integer", false},
    {"plan", "text", "text", false},
    {"tier", "app.tier", "app.tier", true},
    {"active", "boolean", "boolean", false},
    {"ltv", "numeric(10,2)", "numeric", false},
    {"price", "money", "money", false},
    {"seen_at", "timestamp with time zone", "timestamp with time zone", false},
    {"born", "date", "date", false},
    {"doc", "jsonb", "jsonb", false},
    {"took", "interval", "interval", false},
    {"odd\" name", "app.mail", "text", false},
};

Request Parse(const char* json) {
    return ParseRequest(Json::parse(json));
}
MemberQuery Make(const char* json) {
    return CompileMembers(Parse(json), kUsers, "NOW");
}

std::string Refusal(const char* json) {
    try {
        Make(json);
    } catch (const UserError& error) {
        return error.state() + " " + error.message() + " | " + error.hint();
    }
    return "no error";
}

TEST(SegmentCompile, LeavesOutWhatDoesNotFitTheColumns) {
    const char* definition = R"({"from": "app.users", "key": "id", "where": "ltv > 1000",
        "attributes": ["gone", "plan", {"name": "doc", "kind": "numeric"}], "converted": "paid", "last_active": "plan"})";
    EXPECT_TRUE(Refusal(definition).starts_with("42703 attribute \"gone\" is not a column"));
    std::vector<UnreadablePart> unreadable;
    const MemberQuery query = CompileReadable(Parse(definition), kUsers, "NOW", unreadable);
    EXPECT_EQ(query.clauses.size(), 1u);
    ASSERT_EQ(query.attributes.size(), 1u);
    EXPECT_EQ(query.attributes[0].name, "plan");
    EXPECT_FALSE(query.converted || query.last_active);
    ASSERT_EQ(unreadable.size(), 4u);
    EXPECT_EQ(unreadable[0].name, "attribute gone");
    EXPECT_EQ(unreadable[0].reason, "attribute \"gone\" is not a column");
    EXPECT_EQ(unreadable[1].name, "attribute doc");
    EXPECT_EQ(unreadable[2].name, "converted");
    EXPECT_EQ(unreadable[3].name, "last_active");
    // Not without the rule or the key.
    for (const char* other : {R"({"from": "app.users", "key": "id", "where": "gone > 1"})",
                              R"({"from": "app.users", "key": "gone"})"})
        EXPECT_THROW(CompileReadable(Parse(other), kUsers, "NOW", unreadable), UserError);
}

TEST(SegmentCompile, MakesTheMemberQuery) {
    const MemberQuery query =
        Make(R"({"from": "app.users", "key": "id", "where": "ltv > 1000 && active = true",
        "attributes": ["plan", "ltv", "seen_at"], "converted": "ltv > 5", "last_active": "seen_at"})");
    EXPECT_EQ(query.relation, "app.users");
    EXPECT_EQ(query.from, "app.users AS s");
    EXPECT_EQ(query.key, "s.\"id\"");
    ASSERT_EQ(query.clauses.size(), 2u);
    EXPECT_EQ(query.clauses[0].text, "ltv > 1000");
    EXPECT_EQ(query.clauses[0].sql, "(s.\"ltv\" > 1000)");
    EXPECT_EQ(query.attributes[1].kind, AttributeKind::kNumeric);
    EXPECT_EQ(query.attributes[1].sql, "s.\"ltv\"::double precision");
    EXPECT_EQ(query.converted, "(s.\"ltv\" > 5)");
    EXPECT_EQ(query.last_active, "s.\"seen_at\"::timestamp with time zone");
    EXPECT_EQ(query.Sql(),
              "SELECT s.\"id\" AS member,\n"
              "       s.\"plan\"::text AS \"plan\",\n"
              "       s.\"ltv\"::double precision AS \"ltv\",\n"
              "       s.\"seen_at\"::timestamp with time zone AS \"seen_at\",\n"
              "       (s.\"ltv\" > 5) AS converted,\n"
              "       s.\"seen_at\"::timestamp with time zone AS last_active\n"
              "FROM app.users AS s\n"
              "WHERE " +
                  query.Where());
}

TEST(SegmentCompile, ACommentAtTheEndOfAQueryIsHarmless) {
    const MemberQuery query = Make(R"({"query": "SELECT * FROM app.users -- all", "key": "id"})");
    EXPECT_EQ(query.from, "(SELECT * FROM app.users -- all\n) AS s");
    EXPECT_EQ(query.relation, "");
    EXPECT_EQ(query.Where(), "true");
    EXPECT_EQ(query.Sql(), "SELECT s.\"id\" AS member\nFROM (SELECT * FROM app.users -- all\n) AS s");
}

TEST(SegmentCompile, JsonRulesMeanTheSameAsText) {
    const MemberQuery text = Make(R"({"from": "t", "key": "id", "where": "ltv > 1000 && plan = \"pro\""})");
    const MemberQuery json =
        Make(R"({"from": "t", "key": "id", "rules": [{"field": "ltv", "operator": ">", "value": 1000},
                                      {"field": "plan", "operator": "=", "value": "pro"}]})");
    EXPECT_EQ(text.Where(), json.Where());
}

TEST(SegmentCompile, HostileNamesStayQuoted) {
    const MemberQuery query = Make(R"({"from": "t", "key": "odd\" name", "attributes": ["odd\" name"]})");
    EXPECT_EQ(query.key, "s.\"odd\"\" name\"");
    EXPECT_EQ(query.attributes[0].sql, "s.\"odd\"\" name\"::text");
}

TEST(SegmentCompile, ErrorsNameTheInvalidPart) {
    EXPECT_EQ(Refusal(R"({"from": "t", "key": "idd"})"),
              "42703 key \"idd\" is not a column | Did you mean \"id\"?");
    EXPECT_EQ(Refusal(R"({"from": "t", "key": "id", "attributes": ["pln"]})"),
              "42703 attribute \"pln\" is not a column | Did you mean \"plan\"?");
    EXPECT_EQ(Refusal(R"({"from": "t", "key": "id", "last_active": "plan"})"),
              "42804 \"last_active\" must be a date or timestamp, but column \"plan\" is text | Name the "
              "column with the time of a member's last activity.");
    EXPECT_TRUE(Refusal(R"({"from": "t", "key": "id", "converted": "ltvv > 1"})")
                    .starts_with("42703 \"converted\": unknown column ltvv"));
    EXPECT_EQ(Refusal(R"({"from": "t", "key": "id", "attributes": ["doc"]})"),
              "42804 attribute \"doc\" of type jsonb needs a kind | Give {\"name\": \"doc\", \"kind\": "
              "\"categorical\"} to "
              "count its values as text.");
    EXPECT_EQ(Refusal(R"({"from": "t", "key": "id", "attributes": [{"name": "plan", "kind": "numeric"}]})"),
              "42804 attribute \"plan\" of type text cannot be measured as numeric | It can be measured as "
              "categorical; for "
              "another kind use a \"query\" that casts the column.");
    EXPECT_EQ(Refusal(R"({"from": "t", "key": "id", "attributes": [{"name": "ltv", "kind": "boolean"}]})"),
              "42804 attribute \"ltv\" of type numeric(10,2) cannot be measured as boolean | It can be "
              "measured as numeric or "
              "categorical; for another kind use a \"query\" that casts the column.");
}

TEST(SegmentAttribute, KindsFollowTheType) {
    const auto sql = [](const char* name, std::optional<AttributeKind> kind = std::nullopt) {
        return MakeAttribute(FindColumn(kUsers, name, "attribute"), kind).sql;
    };
    EXPECT_EQ(sql("active"), "s.\"active\"::boolean");
    EXPECT_EQ(sql("tier"), "s.\"tier\"::text");
    EXPECT_EQ(sql("price"), "s.\"price\"::numeric::double precision");
    EXPECT_EQ(sql("born"), "s.\"born\"::timestamp with time zone");
    EXPECT_EQ(sql("ltv", AttributeKind::kCategorical), "s.\"ltv\"::text");
    EXPECT_EQ(sql("took", AttributeKind::kCategorical), "s.\"took\"::text");
}

std::string Chosen(const std::vector<ColumnFacts>& facts, const std::string& key) {
    std::string names;
    for (const AttributeRequest& attribute : ChooseAttributes(facts, key))
        names += (names.empty() ? "" : " ") + attribute.name + ":" + Name(*attribute.kind);
    return names;
}

TEST(SegmentAttribute, ChoosesByTypeAndCardinality) {
    EXPECT_EQ(Chosen({{{"id", "integer", "integer", false}, 1000, 1000, true},
                      {{"email", "text", "text", false}, 1000, 990, false},
                      {{"login", "text", "text", false}, 5, 5, true},
                      {{"plan", "text", "text", false}, 1000, 3, false},
                      {{"order_id", "bigint", "bigint", false}, 1000, 1000, false},
                      {{"ltv", "numeric", "numeric", false}, 1000, 998, false},
                      {{"age", "integer", "integer", false}, 1000, 80, false},
                      {{"doc", "jsonb", "jsonb", false}, 1000, 5, false},
                      {{"seen", "date", "date", false}, 1000, 1000, false},
                      {{"few", "text", "text", false}, 8, 8, false},
                      {{"none", "boolean", "boolean", false}, 0, 0, false}},
                     "id"),
              "plan:categorical ltv:numeric age:numeric seen:timestamp few:categorical none:boolean");
}

TEST(SegmentAttribute, ChoosesAtMostTwentyAndNeverTheKey) {
    std::vector<ColumnFacts> facts = {{{"key", "text", "text", false}, 100, 2, false}};
    for (int i = 0; i < 15; ++i)
        facts.push_back({{"n" + std::to_string(i), "real", "real", false}, 100, 9, false});
    for (int i = 0; i < 15; ++i)
        facts.push_back({{"c" + std::to_string(i), "text", "text", false}, 100, 9, false});
    const auto chosen = ChooseAttributes(facts, "key");
    ASSERT_EQ(chosen.size(), kMaxChosenAttributes);
    EXPECT_EQ(chosen[0].name, "n0");  // the first five numbers, in the order of the columns …
    EXPECT_EQ(chosen[4].name, "n4");
    EXPECT_EQ(chosen[5].name, "c0");  // … and every text
    EXPECT_EQ(chosen[19].name, "c14");
}

std::string Changed(const char* before, const char* after) {
    return DiffDefinitions({Parse(before), "ann", "public"}, {Parse(after), "ann", "public"});
}

TEST(SegmentDifference, SaysWhatChanged) {
    EXPECT_EQ(Changed(R"({"from": "t", "where": "ltv > 1000"})",
                      R"({"from": "t", "where": "ltv > 2000", "attributes": ["country"]})"),
              "where: \"ltv > 1000\" → \"ltv > 2000\"; attribute country added");
    EXPECT_EQ(Changed(R"({"from": "t", "where": "ltv > 1000 && last_active_days <= 7"})",
                      R"({"from": "t", "where": "ltv > 1000 && last_active_days <= 3"})"),
              "clause last_active_days <= 7 became last_active_days <= 3");
    EXPECT_EQ(
        Changed(R"({"from": "t", "where": "a > 1 && b > 2"})", R"({"from": "t", "where": "a > 1 && c > 3"})"),
        "clause b > 2 removed; clause c > 3 added");
    EXPECT_EQ(Changed(R"({"from": "t"})", R"({"from": "t", "where": "a > 1"})"), "where: none → \"a > 1\"");
    EXPECT_EQ(Changed(R"({"from": "t", "attributes": ["a", {"name": "b", "kind": "numeric"}]})",
                      R"({"from": "t", "attributes": [{"name": "b", "kind": "categorical"}]})"),
              "attribute a removed; attribute b measured as categorical instead of numeric");
    EXPECT_EQ(
        Changed(R"({"from": "t", "key": "a", "cadence": "1 day"})",
                R"({"from": "u", "key": "b", "converted": "x = 1"})"),
        "from: \"t\" → \"u\"; key: \"a\" → \"b\"; converted: none → \"x = 1\"; cadence: \"1 day\" → none");
    EXPECT_EQ(Changed(R"({"query": "SELECT 1"})", R"({"query": "SELECT 2"})"), "query rewritten");
    EXPECT_EQ(Changed(R"({"from": "t"})", R"({"query": "SELECT 2"})"), "from: \"t\" → a query");
    EXPECT_EQ(Changed(R"({"query": "SELECT 2"})", R"({"from": "t"})"), "from: a query → \"t\"");
}

TEST(SegmentDifference, DifferentSpellingIsNoChange) {
    EXPECT_EQ(Changed(R"({"from": "t", "converted": "a>1"})", R"({"from": "t", "converted": "a > 1.0"})"),
              "");
    EXPECT_EQ(Changed(R"({"from": "t", "where": "ltv>1000 and plan == 'pro'"})",
                      R"({"from": "t", "rules": [{"field": "ltv", "operator": ">", "value": 1000},
                                                 {"field": "plan", "operator": "=", "value": "pro"}]})"),
              "");
}

TEST(SegmentDifference, TheSourceIsAChange) {
    EXPECT_EQ(Changed(R"({"from": "t"})", R"({"from": "t", "source": "crm"})"),
              "source: \"local\" → \"crm\"");
    EXPECT_EQ(Changed(R"({"from": "t", "source": "crm"})", R"({"from": "t", "source": "local"})"),
              "source: \"crm\" → \"local\"");
    EXPECT_EQ(Changed(R"({"from": "t", "source": "crm"})", R"({"from": "t", "source": "crm"})"), "");
}

TEST(SegmentDifference, RightsAreAChange) {
    const Request relation = Parse(R"({"from": "app.t"})"), query = Parse(R"({"query": "SELECT * FROM t"})");
    EXPECT_EQ(DiffDefinitions({relation, "ann", "public"}, {relation, "bob", "app, public"}),
              "runs as: \"ann\" → \"bob\"");
    EXPECT_EQ(DiffDefinitions({query, "ann", "public"}, {query, "ann", "app, public"}),
              "search_path: \"public\" → \"app, public\"");
}

TEST(SegmentNames, AreTheStoredValues) {
    for (const AttributeKind kind : {AttributeKind::kCategorical, AttributeKind::kBoolean,
                                     AttributeKind::kNumeric, AttributeKind::kTimestamp})
        EXPECT_EQ(ParseAttributeKind(Name(kind)), kind);
    EXPECT_FALSE(ParseAttributeKind("text"));
    EXPECT_STREQ(Name(SegmentKind::kRelation), "relation");
    EXPECT_STREQ(Name(SegmentKind::kQuery), "query");
    EXPECT_STREQ(Name(SegmentKind::kProfile), "profile");
}

}  // namespace
}  // namespace pulse::segment
