// Aggregates of events and sequences: what is read, how it is printed, what is refused.
#include "rule_testing.hpp"

#include "pulse/rule/metric.hpp"

namespace pulse::rule {
namespace {

TEST(RuleMetric, HasOneSpelling) {
    const std::pair<const char*, const char*> cases[] = {
        {"events.purchase.count", "events.purchase.count"},
        {"events.purchase.count()", "events.purchase.count"},
        {"events.purchase.count(all)", "events.purchase.count"},
        {"events.purchase.count_30d >= 1", "events.purchase.count(30d) >= 1"},
        {"events.purchase.count(720h) >= 1", "events.purchase.count(30d) >= 1"},
        {"events.purchase.count_2w", "events.purchase.count(14d)"},
        {"events.purchase.count_90m", "events.purchase.count(90m)"},
        {"events.purchase.count(90d..30d)", "events.purchase.count(90d..30d)"},
        {"events.purchase.count( 90d .. 4w )", "events.purchase.count(90d..28d)"},
        {"events.purchase.COUNT(calendar 1 month)", "events.purchase.count(calendar 1 month)"},
        {"events.purchase.count(calendar 3 months)", "events.purchase.count(calendar 3 months)"},
        {"events.purchase.count(calendar 7d)", "events.purchase.count(calendar 7 days)"},
        {"events.purchase.count(calendar week)", "events.purchase.count(calendar 1 week)"},
        {"events.app_open.unique_days_14d >= 5", "events.app_open.unique_days(14d) >= 5"},
        {"events.purchase.exists", "events.purchase.exists"},
        {"events.purchase.exists_30d", "events.purchase.exists(30d)"},
        {"events.purchase.first_seen", "events.purchase.first_seen"},
        {"events.purchase.last_seen_30d", "events.purchase.last_seen(30d)"},
        {"events.purchase.sum_amount_30d", "events.purchase.sum(amount, 30d)"},
        {"events.purchase.sum(amount)_30d", "events.purchase.sum(amount, 30d)"},
        {"events.purchase.sum(amount, 30d)", "events.purchase.sum(amount, 30d)"},
        {"events.purchase.sum_amount", "events.purchase.sum(amount)"},
        {"events.purchase.sum_unit_price_1w", "events.purchase.sum(unit_price, 7d)"},
        {"events.purchase.sum_amount_30", "events.purchase.sum(amount_30)"},
        {"events.purchase.average(amount)", "events.purchase.avg(amount)"},
        {"events.purchase.median(amount)", "events.purchase.p50(amount)"},
        {"events.purchase.p95_amount_30d", "events.purchase.p95(amount, 30d)"},
        {"events.purchase.min(a.b) + events.purchase.max(a[\"b c\"])",
         "events.purchase.min(a.b) + events.purchase.max(a[\"b c\"])"},
        {"events.purchase.first(sku)", "events.purchase.first(sku)"},
        {"events.purchase.last(`the sku`, 1h)", "events.purchase.last(`the sku`, 1h)"},
        {"events.purchase.mode_sku", "events.purchase.mode(sku)"},
        {"events.purchase.distinct(sku, 30d) > 2", "events.purchase.distinct(sku, 30d) > 2"},
        {"events.purchase.list(sku) contains \"a\"", "events.purchase.list(sku) contains \"a\""},
        {"events.purchase.list_price_30d", "events.purchase.list(price, 30d)"},
        {"events[\"Order Completed\"]{category == \"cosmetics\"}.sum(revenue, 90d) > 100",
         "events[\"Order Completed\"]{category = \"cosmetics\"}.sum(revenue, 90d) > 100"},
        {"events.`a b`.count", "events[\"a b\"].count"},
        {"events[\"über\"].count", "events.über.count"},
        {"events[\"$page\"].count_1d", "events.$page.count(1d)"},
        {"events.x{$os = 'mac'}.sum_$amount", "events.x{$os = \"mac\"}.sum($amount)"},
        {"events.*.count_30d", "events.*.count(30d)"},
        {"events.in.count", "events.in.count"},
        {"events.a{b.c > 1 && !d || e is null}.count", "events.a{b.c > 1 && not d || e is null}.count"},
        {"events.a{`events`.x = 1}.count", "events.a{`events`.x = 1}.count"},
        {"events.a{`now` = 1 and events = 2}.count", "events.a{`now` = 1 && events = 2}.count"},
        {"events.purchase.last_seen_minutes_ago < 5", "events.purchase.last_seen_minutes_ago < 5"},
        {"minutes_since(events.purchase.last_seen) < 5", "events.purchase.last_seen_minutes_ago < 5"},
        {"events.x{a = 1}.first_seen_days_ago", "events.x{a = 1}.first_seen_days_ago"},
        {"events.x.last_seen_hours_ago + events.x.last_seen_seconds_ago",
         "events.x.last_seen_hours_ago + events.x.last_seen_seconds_ago"},
        {"hours_since(events.x.last_seen(7d))", "hours_since(events.x.last_seen(7d))"},
        {"`events`.x.count = 1", "`events`.x.count = 1"},
        {"sequence(events.view_product -> within 1d no events.order{product_id == $.product_id}, in 7d)",
         "sequence(events.view_product -> within 1d no events.order{product_id = $.product_id}, in 7d)"},
        {"sequence(events.a->no events[\"b c\"]->events.*{x=$.`y z`.q})",
         "sequence(events.a -> no events[\"b c\"] -> events.*{x = $[\"y z\"].q})"},
        {"if(events.a.exists, \"x\", \"y\") = \"x\"", "if(events.a.exists, \"x\", \"y\") = \"x\""},
    };
    for (const auto& [text, canonical] : cases) {
        EXPECT_EQ(Canonical(text), canonical);
        EXPECT_EQ(Canonical(canonical), canonical);
    }
}

TEST(RuleMetric, ErrorsNameTheProblem) {
    struct Case {
        const char* text;
        size_t position;
        const char* problem;
    };
    const Case cases[] = {
        {"events.purchase", 16, "ends too early"},
        {"events.purchase > 3", 17, "Unexpected >"},
        {"events.purchase{a = 1} > 3", 24, "Unexpected >"},
        {"events.purchase.", 17, "ends too early"},
        {"events.purchase.cuont_30d", 17, "Unknown aggregate cuont_30d"},
        {"events.purchase.count_30", 17, "Unknown aggregate count_30"},
        {"events.purchase.sum > 3", 17, "Unknown aggregate sum"},
        {"events.purchase.sum_30d > 3", 17, "Unknown aggregate sum_30d"},
        {"events.purchase.sum() > 3", 21, "Unexpected )"},
        {"events.purchase.sum(amount 30d)", 28, "Unexpected 30d"},
        {"events.purchase.sum(amount, 30)", 29, "Unexpected 30"},
        {"events.purchase.sum(amount, 30d)_30d", 33, "Unexpected _30d"},
        {"events.purchase.count(30d..90d)", 28, "older end"},
        {"events.purchase.count(30d..30d)", 28, "older end"},
        {"events.purchase.count(30d..)", 28, "Unexpected )"},
        {"events.purchase.count(calendar)", 31, "Unexpected )"},
        {"events.purchase.count(calendar 0 days)", 32, "1 to 1200"},
        {"events.purchase.count(calendar 1.5 days)", 32, "1 to 1200"},
        {"events.purchase.count(calendar 2 years)", 32, "days, weeks or months"},
        {"events.purchase.count(calendar 12h)", 32, "days, weeks or months"},
        {"events.add-to-cart.count", 11, "Unexpected -"},
        {"events.$ page.count", 8, "Unexpected $"},
        {"events.a{}.count", 10, "Unexpected }"},
        {"events.a{b = 1.count", 15, "Unexpected ."},
        {"events.a{b = 1 .count", 16, "Unexpected ."},
        {"events.a{b = $.c}.count", 14, "Unexpected $"},
        {"sequence(events.a)", 18, "Unexpected )"},
        {"sequence(no events.a -> events.b)", 10, "first step"},
        {"sequence(within 1d events.a -> events.b)", 10, "first step"},
        {"sequence(events.a{x = $.y} -> events.b)", 23, "Unexpected $"},
        {"sequence(events.a -> b)", 22, "Unexpected b"},
        {"sequence(events.a -> within events.b)", 29, "Unexpected events"},
        {"sequence(events.a -> events.b, 7d)", 32, "Unexpected 7d"},
        {"sequence(events.a.count -> events.b)", 18, "Unexpected ."},
        {"$.x = 1", 1, "Unexpected $"},
        {"{a}", 1, "Unexpected {"},
    };
    for (const Case& c : cases) {
        const UserError error = ParseError(c.text);
        EXPECT_EQ(error.state(), sqlstate::kSyntaxError) << c.text;
        EXPECT_EQ(error.message(), "syntax error in rule at position " + std::to_string(c.position))
            << c.text << error.detail();
        EXPECT_NE(error.detail().find(c.problem), std::string::npos) << c.text << ": " << error.detail();
        EXPECT_FALSE(error.hint().empty()) << c.text;
    }
    std::string steps = "events.a";
    for (size_t i = 0; i < 10; ++i) steps += " -> events.a";
    EXPECT_NE(ParseError("sequence(" + steps + ")").hint().find("at most 10"), std::string::npos);
}

TEST(RuleMetric, RefusesUnknownAggregates) {
    const std::pair<const char*, const char*> cases[] = {
        {"events.a.count(session)", "session windows are not available in rules at position 16"},
        {"flag(\"x\")", "flags are not available in rules at position 1"},
        {"events.a{now > 1}.count", "now is not available in the filter of an event at position 10"},
        {"events.a{b within last 7d}.count",
         "within is not available in the filter of an event at position 12"},
        {"events.a{days_since(b) > 1}.count",
         "days_since is not available in the filter of an event at position 10"},
        {"events.a{trait(\"x\")}.count", "trait is not available in the filter of an event at position 10"},
        {"events.a{segment(\"x\")}.count",
         "segment is not available in the filter of an event at position 10"},
        {"events.a{events.b.exists}.count",
         "events is not available in the filter of an event at position 10"},
        {"events.a{sequence(events.b -> events.c)}.count",
         "sequence is not available in the filter of an event at position 10"},
    };
    for (const auto& [text, message] : cases) {
        EXPECT_EQ(ParseError(text).state(), sqlstate::kNotSupported) << text;
        EXPECT_EQ(ParseError(text).message(), message);
    }
}

TEST(RuleMetric, ParsesItsOwnText) {
    const Metric metric = ParseMetric("events.purchase{a > 1}.sum(x.y, 90d..30d)");
    EXPECT_EQ(metric.aggregate, Aggregate::kSum);
    EXPECT_EQ(metric.event, "purchase");
    EXPECT_EQ(metric.property, (std::vector<std::string>{"x", "y"}));
    EXPECT_EQ(metric.window.from, 90 * 86400);
    EXPECT_EQ(metric.window.to, 30 * 86400);
    EXPECT_EQ(Print(metric), "events.purchase{a > 1}.sum(x.y, 90d..30d)");
    EXPECT_EQ(ErrorOf([] { ParseMetric("1 + 1"); }).state(), sqlstate::kSyntaxError);
}

TEST(RuleMetric, IsIncrementalWhereOtherEventsDoNotMatter) {
    const auto incremental = [](const char* text) {
        return CompileMetric(ParseMetric(text), "d.now", "UTC", "d.id").incremental;
    };
    for (const char* text : {"events.a.count", "events.a.exists_3d", "events.a.first_seen",
                             "events.*.last_seen_1h", "events.a{b > 1}.sum(c, 2d)"})
        EXPECT_TRUE(incremental(text)) << text;
    for (const char* text :
         {"events.a.count(9d..3d)", "events.a.count(calendar 1 month)", "events.a.unique_days",
          "events.a.avg(b)", "events.a.max(b)", "events.a.last(b)", "sequence(events.a -> events.b)"})
        EXPECT_FALSE(incremental(text)) << text;
    EXPECT_EQ(incremental("events.a.count_2d")->window, 2 * 86400);
    EXPECT_EQ(incremental("events.a.count")->window, 0);
    EXPECT_EQ(incremental("events.a.count")->usable, "");
    EXPECT_NE(incremental("events.a{b > 1}.count")->usable.find("$1"), std::string::npos);
    EXPECT_NE(incremental("events.a.sum(b)")->usable.find("'number'"), std::string::npos);
}

TEST(RuleMetric, IsAFieldOfJsonRules) {
    const auto field = [](const std::string& name) {
        return CanonicalJson("{\"rules\": [{\"field\": " + nlohmann::json(name).dump() +
                             ", \"operator\": \">\", \"value\": 1}]}");
    };
    EXPECT_EQ(field("events.purchase.count_30d"), "events.purchase.count(30d) > 1");
    EXPECT_EQ(field("events[\"a b\"]{x = 1}.sum(y)"), "events[\"a b\"]{x = 1}.sum(y) > 1");
    EXPECT_EQ(field("events.a.last_seen_days_ago"), "events.a.last_seen_days_ago > 1");
    EXPECT_EQ(field("account.seats"), "account.seats > 1");
    EXPECT_EQ(field("context.build"), "context.build > 1");
    EXPECT_EQ(field("last_seen_minutes_ago"), "last_seen_minutes_ago > 1");
    EXPECT_EQ(field("total spent"), "`total spent` > 1");
    EXPECT_EQ(ErrorOf([&] { field("events.purchase"); }).state(), sqlstate::kSyntaxError);
    EXPECT_EQ(ErrorOf([&] { field("events.a.count > 1"); }).state(), sqlstate::kSyntaxError);
}

TEST(RuleMetric, ConsentIsANameForAPurpose) {
    const Metric metric = ParseMetric("consent.ads");
    EXPECT_EQ(metric.aggregate, Aggregate::kConsent);
    EXPECT_EQ(metric.purpose, "ads");
    EXPECT_EQ(Print(metric), "consent.ads");
    const MetricSql sql = CompileMetric(metric, "now()", "UTC", "p.id");
    EXPECT_EQ(sql.type, ValueType::kBoolean);
    EXPECT_EQ(sql.events, std::vector<std::string>{"consent.ads"});
    EXPECT_TRUE(sql.correlated);
    EXPECT_EQ(sql.value,
              "EXISTS (SELECT FROM pulse.consent AS h WHERE h.purpose = 'ads'::text AND h.profile_id = p.id"
              " AND h.live OPERATOR(pg_catalog.@>) (now()))");
    for (const char* text : {"consent", "consent.Ads", "consent.a.b", "consent.\"\"", "consent[\"a b\"]"})
        EXPECT_THROW(ParseMetric(text), UserError) << text;
}

TEST(RuleMetric, StaticSegmentsAreStoredAndNotTyped) {
    const Metric metric = ParseMetric("static_segment(42)");
    EXPECT_EQ(metric.segment, 42);
    EXPECT_EQ(Print(metric), "static_segment(42)");
    EXPECT_EQ(Print(*ParseStored("not static_segment(42) ?? false")), "not static_segment(42) ?? false");
    EXPECT_EQ(ParseError("static_segment(42)").state(), sqlstate::kUndefinedFunction);
    for (const char* text : {"static_segment()", "static_segment(1.5)", "static_segment(1, 2)",
                             "static_segment(\"x\")", "static_segment(99999999999999999999)"})
        EXPECT_EQ(ErrorOf([&] { ParseStored(text); }).state(), sqlstate::kSyntaxError) << text;
    const MetricSql sql = CompileMetric(metric, "d.now", "UTC", "d.id");
    EXPECT_TRUE(sql.correlated);
    EXPECT_EQ(sql.sql_type, "boolean");
    EXPECT_EQ(sql.empty, "false");
    EXPECT_EQ(sql.events, std::vector<std::string>{"static_segment(42)"});
    EXPECT_FALSE(sql.incremental);
    EXPECT_NE(sql.value.find("m.canonical_id = d.id"), std::string::npos);
}

}  // namespace
}  // namespace pulse::rule
