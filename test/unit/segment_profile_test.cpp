// Member queries of rules over people.
#include <gtest/gtest.h>

#include "pulse/rule/parser.hpp"
#include "pulse/segment/member_query.hpp"
#include "pulse/segment/member_query_profile.hpp"

namespace pulse::segment {
namespace {

constexpr const char* kNow = "'2026-01-01'::timestamptz";

MemberQuery Compile(const std::string& where, const std::string& converted = "", int64_t inactive_after = 0,
                    const std::vector<std::string>& sources = {}) {
    Request request;
    request.kind = SegmentKind::kProfile;
    request.where = where;
    ExpandedRules expanded{rule::Parse(where), converted.empty() ? nullptr : rule::Parse(converted), "UTC",
                           inactive_after};
    request.sources = sources;
    request.expanded = std::make_shared<const ExpandedRules>(std::move(expanded));
    request.attributes = {{"plan", AttributeKind::kCategorical}, {"address.zip", AttributeKind::kNumeric}};
    return CompileMembers(request, ProfileColumns(request), kNow);
}

size_t Times(const std::string& text, const std::string& part) {
    size_t count = 0;
    for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
    return count;
}

TEST(SegmentProfile, ClausesShareMetrics) {
    const MemberQuery query = Compile(
        "events.purchase.count_30d >= 1 && events.app_open.count_7d > events.purchase.count_30d && "
        "profile.plan = \"pro\"",
        "events.purchase.count_30d >= 2");
    ASSERT_EQ(query.clauses.size(), 3U);
    EXPECT_EQ(query.clauses[0].text, "events.purchase.count(30d) >= 1");
    EXPECT_NE(query.clauses[0].sql.find("s.m0"), std::string::npos);
    EXPECT_NE(query.clauses[1].sql.find("s.m1"), std::string::npos);
    EXPECT_NE(query.converted->find("s.m0"), std::string::npos);
    EXPECT_EQ(query.from.find("m2"), std::string::npos);
    EXPECT_EQ(query.key, "s.id");
    EXPECT_EQ(query.last_active, "s.last_active");
}

TEST(SegmentProfile, ActivityIsReadAsFarBackAsItCounts) {
    const std::string bound = "e.time >= '2026-01-01'::timestamptz - interval '43200 minutes'";
    EXPECT_EQ(Times(Compile("profile.plan = \"pro\"", "", 30 * kDay).from, bound), 1U);
    EXPECT_EQ(Times(Compile("profile.plan = \"pro\"").from, "interval"), 0U);
}

TEST(SegmentProfile, MembersOfSeveralCellsAreKnownByTheIdThatAllCellsHave) {
    const MemberQuery query = Compile("profile.plan = \"pro\"", "", 0, {"one", "two"});
    EXPECT_EQ(query.key, "s.bucketing_id");
    EXPECT_EQ(Times(query.from, "p.bucketing_id"), 1U);
}

TEST(SegmentProfile, EventsAreReadOnceAndOnlyAsFarBackAsNeeded) {
    const MemberQuery query = Compile("events.purchase.count_30d >= 1 && events.app_open.count_7d >= 3");
    EXPECT_EQ(Times(query.from, "FROM pulse.event"),
              3U);  // metrics; last activity, which the planner removes if it is not used; earlier people
    EXPECT_NE(query.from.find("e.name IN ('purchase')"), std::string::npos);
    EXPECT_NE(query.from.find("LEAST("), std::string::npos);
    EXPECT_EQ(Compile("events.purchase.count > 0 && events.x.count_7d > 0").from.find("LEAST("),
              std::string::npos);
}

TEST(SegmentProfile, RulesWithoutMetricsReadNoEvents) {
    const MemberQuery query = Compile("profile.plan = \"pro\"");
    EXPECT_EQ(Times(query.from, "FROM pulse.event"), 2U);
    EXPECT_EQ(query.from.find("x.id"), std::string::npos);
}

TEST(SegmentProfile, AttributesOfAnotherTypeAreNull) {
    const MemberQuery query = Compile("true");
    ASSERT_EQ(query.attributes.size(), 2U);
    EXPECT_EQ(query.attributes[0].sql, "((s.attributes #>> '{\"plan\"}'))");
    EXPECT_NE(query.attributes[1].sql.find("'{\"address\",\"zip\"}'"), std::string::npos);
    EXPECT_NE(query.attributes[1].sql.find("= 'number'"), std::string::npos);
}

TEST(SegmentProfile, IncludeAnonymousFalseIsACondition) {
    Request request;
    request.kind = SegmentKind::kProfile;
    request.where = "a = 1 || b = 2";
    EXPECT_EQ(rule::AsOp(*ReadRule(request), rule::Op::kAnd), nullptr);
    request.include_anonymous = true;
    EXPECT_EQ(rule::AsOp(*ReadRule(request), rule::Op::kAnd), nullptr);
    request.include_anonymous = false;
    ASSERT_NE(rule::AsOp(*ReadRule(request), rule::Op::kAnd), nullptr);
    EXPECT_EQ(rule::AsOp(*ReadRule(request), rule::Op::kAnd)->operands.size(), 2U);
}

// With the planner's estimate, two conditions on attributes would leave one person.
TEST(SegmentProfile, EstimatesDoNotCollapse) {
    const MemberQuery query =
        Compile("profile.plan = \"pro\" && profile.country = \"DE\" && events.x.count >= 1");
    for (const Clause& clause : query.clauses) EXPECT_NE(clause.sql.find("COALESCE("), std::string::npos);
    EXPECT_TRUE(query.clauses[0].sql.starts_with("COALESCE("));
    EXPECT_NE(query.narrowed.find("c.id = o.canonical_id AND COALESCE("), std::string::npos);
    EXPECT_NE(query.from.find("WHERE COALESCE(p.canonical_id = p.id, false)"), std::string::npos);
}

// A query over everybody begins with the members instead of asking for each person.
TEST(SegmentProfile, AStaticSegmentIsJoined) {
    Request request;
    request.kind = SegmentKind::kProfile;
    request.static_segment = 42;
    request.expanded =
        std::make_shared<const ExpandedRules>(ExpandedRules{ReadRule(request), nullptr, "UTC"});
    const MemberQuery query = CompileMembers(request, {}, kNow);
    ASSERT_EQ(query.clauses.size(), 1U);
    EXPECT_EQ(query.clauses[0].text, "added by hand");
    EXPECT_EQ(query.clauses[0].sql, "s.m0");
    EXPECT_NE(query.from.find("tm0.id IS NOT NULL AS m0"), std::string::npos);
    EXPECT_EQ(Times(query.from, "FROM pulse.static_member"), 1U);
    EXPECT_EQ(query.from.find("EXISTS (SELECT FROM pulse.profile"), std::string::npos);
}

}  // namespace
}  // namespace pulse::segment
