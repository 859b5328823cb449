#include "rule_testing.hpp"

namespace pulse::rule {
namespace {

TEST(RuleCompile, KeepsColumnsAloneForIndexes) {
    const std::pair<const char*, std::string> cases[] = {
        {"ltv > 1000", "(s.\"ltv\" > 1000)"},
        {"ltv != -1.5", "(s.\"ltv\" <> (-1.5))"},
        {"plan = 'pro'", "(s.\"plan\" = 'pro')"},
        {"plan in ['a', 'b']", "(s.\"plan\" IN ('a', 'b'))"},
        {"id not in [1, 2]", "(NOT (s.\"id\" IN (1, 2)))"},
        {"id between 1 and 2", "((s.\"id\" >= 1) AND (s.\"id\" <= 2))"},
        {"active", "s.\"active\""},
        {"!active && active = false", "((NOT s.\"active\") AND (s.\"active\" = false))"},
        {"plan is null", "(s.\"plan\" IS NULL)"},
        {"exists data", "(NOT (s.\"data\" IS NULL))"},
        {"ratio = 0.1", "(s.\"ratio\" = 0.1::real)"},
        {"ratio = -0.1", "(s.\"ratio\" = (-0.1)::real)"},
        {"ratio < 1e300", "(s.\"ratio\" < 1" + std::string(300, '0') + "::double precision)"},
        {"score > 0.1", "(s.\"score\" > 0.1)"},
        {"score > ltv", "((s.\"score\")::numeric > s.\"ltv\")"},
        {"mood = 'ok' && uid = 'x' && ip != '::1'",
         "((s.\"mood\" = 'ok') AND (s.\"uid\" = 'x') AND (s.\"ip\" <> '::1'))"},
        {"seen > now - 7d", "(s.\"seen\" > (clock() - interval '168:00:00'))"},
        {"seen + 7d > now", "(s.\"seen\" > (clock() - interval '168:00:00'))"},
        {"now < 1h + seen", "((clock() - interval '1:00:00') < s.\"seen\")"},
        {"now - seen > 3d", "((clock() - interval '72:00:00') > s.\"seen\")"},
        {"3d < now - seen", "(s.\"seen\" < (clock() - interval '72:00:00'))"},
        {"seen within last 90m",
         "((s.\"seen\" > (clock() - interval '1:30:00')) AND (s.\"seen\" <= clock()))"},
        {"seen not within last 10s",
         "(NOT ((s.\"seen\" > (clock() - interval '0:00:10')) AND (s.\"seen\" <= clock())))"},
        {"seen before last 1d", "(s.\"seen\" <= (clock() - interval '24:00:00'))"},
        {"made before last 1d", "(s.\"made\" <= ((clock() AT TIME ZONE 'UTC') - interval '24:00:00'))"},
        {"seen >= '2011-03-01'", "(s.\"seen\" >= timestamptz '2011-03-01 00:00:00+00')"},
        {"seen >= '2011-03-01T06:00:00.5+01:00'",
         "(s.\"seen\" >= timestamptz '2011-03-01 05:00:00.500000+00')"},
        {"made = '2011-03-01 06:30'", "(s.\"made\" = timestamp '2011-03-01 06:30:00')"},
        {"born < '2011-03-01'", "(s.\"born\" < date '2011-03-01')"},
        {"'2011-03-01' > born", "(date '2011-03-01' > s.\"born\")"},
        {"born in ['2011-03-01', '2011-03-02 12:00']",
         "(s.\"born\" IN (date '2011-03-01', timestamp '2011-03-02 12:00:00'))"},
        {"seen > made", "((s.\"seen\" AT TIME ZONE 'UTC') > s.\"made\")"},
        {"seen > '2011-03-01' - 1d",
         "(s.\"seen\" > (timestamptz '2011-03-01 00:00:00+00' - interval '24:00:00'))"},
        {"span > 1d - 12h", "(s.\"span\" > interval '12:00:00')"},
        {"span > 1h - 90m", "(s.\"span\" > interval '-0:30:00')"},
    };
    for (const auto& [text, sql] : cases) EXPECT_EQ(Sql(text), sql) << text;
}

TEST(RuleCompile, NeverFailsOnData) {
    EXPECT_EQ(Sql("id / big > 1"), "(((s.\"id\")::numeric / NULLIF((s.\"big\")::numeric, 0)) > 1)");
    EXPECT_EQ(Sql("id % 2 = 0"), "(((s.\"id\")::numeric % (2)::numeric) = 0)");
    EXPECT_EQ(Sql("-id + 2000000000 > 2000000000 + 2000000000"),
              "(((- (s.\"id\")::numeric) + (2000000000)::numeric) > ((2000000000)::numeric + "
              "(2000000000)::numeric))");
    EXPECT_EQ(Sql("abs(id) = 1"), "(pg_catalog.abs((s.\"id\")::numeric) = 1)");
    EXPECT_EQ(Sql("round(score, 2) = 1"), "(pg_catalog.round((s.\"score\")::numeric, 2) = 1)");
    // Two columns with an offset: no timestamp arithmetic that could leave the range.
    EXPECT_EQ(Sql("seen + 7d < made"),
              "((EXTRACT(epoch FROM s.\"seen\") + 604800) < EXTRACT(epoch FROM s.\"made\"))");
    EXPECT_EQ(Sql("seen - made > span"),
              "((EXTRACT(epoch FROM s.\"seen\") - EXTRACT(epoch FROM s.\"made\")) > EXTRACT(epoch FROM "
              "s.\"span\"))");
    EXPECT_EQ(
        Sql("days_since(seen) >= 30"),
        "(pg_catalog.floor((EXTRACT(epoch FROM clock()) - EXTRACT(epoch FROM s.\"seen\")) / 86400) >= 30)");
    EXPECT_EQ(Sql("exists seen + 1d"),
              "(NOT ((CASE WHEN s.\"seen\" BETWEEN timestamptz '0001-01-01 00:00:00+00' AND timestamptz "
              "'9999-12-31 00:00:00+00' THEN "
              "(s.\"seen\" + interval '24:00:00') END) IS NULL))");
    // The pattern is in the rule, never in the data.
    EXPECT_EQ(Sql("plan matches '^a'"), "(s.\"plan\" ~ '^a')");
    EXPECT_EQ(CompileError("plan matches code").state(), sqlstate::kNotSupported);
    EXPECT_EQ(CompileError("plan matches lower('a')").state(), sqlstate::kNotSupported);
}

TEST(RuleCompile, LimitsTheSizeOfTheSql) {
    // Each level writes the one below twice.
    std::string text = "seen";
    for (int i = 0; i < 40; ++i) text = "((" + text + " + 1d) ?? seen)";
    EXPECT_EQ(CompileError(text + " > now").state(), sqlstate::kProgramLimit);
}

TEST(RuleCompile, MatchesPartsOfTextsLiterally) {
    EXPECT_EQ(Sql("plan contains '100%_'"),
              "(pg_catalog.strpos(pg_catalog.lower(s.\"plan\") COLLATE pg_catalog.\"C\", "
              "pg_catalog.lower(('100%_')::text)) > 0)");
    EXPECT_EQ(Sql("code starts_with 'A'"),
              "pg_catalog.starts_with(pg_catalog.lower((s.\"code\")::text) COLLATE pg_catalog.\"C\", "
              "pg_catalog.lower(('A')::text))");
    EXPECT_EQ(Sql("mood ends_with plan"),
              "(pg_catalog.\"right\"(pg_catalog.lower((s.\"mood\")::text), "
              "pg_catalog.char_length(pg_catalog.lower(s.\"plan\"))) "
              "COLLATE pg_catalog.\"C\" = pg_catalog.lower(s.\"plan\"))");
    EXPECT_EQ(Sql("tags contains 'vip'"), "('vip' = ANY (s.\"tags\"))");
    EXPECT_EQ(Sql("len(tags) > 1 && len(plan) > 1"),
              "((pg_catalog.cardinality(s.\"tags\") > 1) AND (pg_catalog.char_length(s.\"plan\") > 1))");
}

TEST(RuleCompile, Coalesces) {
    EXPECT_EQ(Sql("ltv ?? 0 > 5"), "(COALESCE(s.\"ltv\", (0)::numeric) > 5)");
    EXPECT_EQ(Sql("score ?? 0 > 5"), "(COALESCE(s.\"score\", 0) > 5)");
    EXPECT_EQ(Sql("ratio ?? 0.1 > 5"), "(COALESCE(s.\"ratio\", 0.1::real) > 5::real)");
    EXPECT_EQ(Sql("score ?? id > 5"), "(COALESCE((s.\"score\")::numeric, (s.\"id\")::numeric) > 5)");
    EXPECT_EQ(Sql("plan ?? code ?? 'x' = 'y'"), "(COALESCE(s.\"plan\", s.\"code\", 'x') = 'y')");
    EXPECT_EQ(Sql("active ?? false"), "COALESCE(s.\"active\", false)");
    EXPECT_EQ(Sql("seen ?? '2011-03-01' < now"),
              "(COALESCE(s.\"seen\", timestamptz '2011-03-01 00:00:00+00') < clock())");
    EXPECT_EQ(Sql("made ?? now < '2011-03-01'"),
              "(COALESCE(s.\"made\", (clock() AT TIME ZONE 'UTC')) < timestamp '2011-03-01 00:00:00')");
    for (const char* bad : {"ltv ?? 'x' > 5", "plan ?? 1 = 'x'", "seen ?? made > now",
                            "tags ?? tags contains 'x'", "mood ?? plan = 'x'"})
        EXPECT_EQ(CompileError(bad).state(), sqlstate::kDatatypeMismatch) << bad;
}

TEST(RuleCompile, ReportsColumnsAndClauses) {
    const Compiled compiled = CompileText("ltv > 1 && (plan = 'a' || code = 'b') && `Order Total` > ltv");
    EXPECT_EQ(compiled.text, "ltv > 1 && (plan = \"a\" || code = \"b\") && `Order Total` > ltv");
    EXPECT_EQ(compiled.columns, (std::vector<std::string>{"ltv", "plan", "code", "Order Total"}));
    ASSERT_EQ(compiled.clauses.size(), 3u);
    EXPECT_EQ(compiled.clauses[1].text, "plan = \"a\" || code = \"b\"");
    EXPECT_EQ(compiled.clauses[1].sql, "((s.\"plan\" = 'a') OR (s.\"code\" = 'b'))");
    EXPECT_EQ(compiled.sql,
              "((s.\"ltv\" > 1) AND ((s.\"plan\" = 'a') OR (s.\"code\" = 'b')) AND (s.\"Order Total\" > "
              "s.\"ltv\"))");
    EXPECT_EQ(CompileText("ltv > 1").clauses.size(), 1u);

    const Compiled any = CompileText("seen", Expect::kAny);
    EXPECT_EQ(any.sql, "s.\"seen\"");
    EXPECT_EQ(any.type, ValueType::kTimestamp);
    EXPECT_EQ(any.sql_type, "timestamp with time zone");
    EXPECT_EQ(CompileText("ltv * 2", Expect::kAny).type, ValueType::kNumber);
    EXPECT_EQ(ErrorOf([] { CompileText("now - seen", Expect::kAny); }).state(), sqlstate::kDatatypeMismatch);
}

TEST(RuleCompile, RefusesIncomparableTypes) {
    const UserError error = CompileError("active && ltv > \"abc\"");
    EXPECT_EQ(error.state(), sqlstate::kDatatypeMismatch);
    EXPECT_EQ(error.message(), "operator > cannot take numeric(10,2) and text in rule at position 11");
    EXPECT_EQ(error.detail(), "ltv is numeric(10,2), \"abc\" is text.");
    EXPECT_EQ(error.hint(), "Write numbers without quotes.");
    for (const char* bad : {"ltv = 'a'",
                            "plan = 5",
                            "plan > now",
                            "active = 1",
                            "active = 'true'",
                            "active > false",
                            "seen = 5",
                            "(seen within last 5d) = 5",
                            "data = 'x'",
                            "tags = 'x'",
                            "mood = plan",
                            "mood = uid",
                            "uid contains 'x'",
                            "ltv contains 5",
                            "plan contains 5",
                            "plan + 'x' = 'y'",
                            "seen + 5 > now",
                            "seen + seen > now",
                            "5 - now > 1",
                            "7d * 2 > 1",
                            "-plan = 1",
                            "abs(plan) = 1",
                            "lower(ltv) = 'x'",
                            "days_since(ltv) > 1",
                            "plan in [1]",
                            "ltv in ['x']",
                            "ltv in [true]",
                            "seen in [5]",
                            "plan between 1 and 2",
                            "ltv between 1 and 'x'",
                            "ltv within last 7d",
                            "plan",
                            "ltv",
                            "now",
                            "7d",
                            "'x'",
                            "5",
                            "ltv && active",
                            "not plan",
                            "null",
                            "null > ltv",
                            "ltv between null and 5",
                            "plan ?? null = 'x'",
                            "tags contains 5",
                            "tags contains plan",
                            "ltv matches 'x'",
                            "len(ltv) > 1"}) {
        const UserError e = CompileError(bad);
        EXPECT_TRUE(e.state() == sqlstate::kDatatypeMismatch)
            << bad << ": " << e.state() << " " << e.message();
        EXPECT_FALSE(e.detail().empty()) << bad;
        EXPECT_FALSE(e.hint().empty()) << bad;
    }
    EXPECT_EQ(CompileError("ltv / 0 > 1").state(), sqlstate::kDivisionByZero);
    EXPECT_EQ(CompileError("ltv % 0.0 > 1").state(), sqlstate::kDivisionByZero);
    EXPECT_EQ(CompileError("round(ltv, id) > 1").state(), sqlstate::kInvalidParameter);
    EXPECT_EQ(CompileError("round(ltv, -1) > 1").state(), sqlstate::kInvalidParameter);
    EXPECT_EQ(CompileError("seen > now - 365250d - 365250d").state(), sqlstate::kProgramLimit);
    for (const char* bad : {"seen > 'yesterday'", "seen > '2011-02-29'", "seen > '2011-03-01 24:01'",
                            "seen > '01/03/2011'", "seen > ''", "seen > '2011-03-01 06:00 CET'",
                            "seen > '0000-01-01'", "seen in ['2011-03-01', 'x']"}) {
        EXPECT_EQ(CompileError(bad).state(), sqlstate::kInvalidDatetime) << bad;
    }
}

TEST(RuleCompile, NamesWhatIsValid) {
    UserError error = CompileError("plan = 'x' && Ltv > 5");
    EXPECT_EQ(error.state(), sqlstate::kUndefinedColumn);
    EXPECT_EQ(error.message(), "unknown column Ltv in rule at position 15");
    EXPECT_EQ(error.hint(), "Did you mean ltv?");
    EXPECT_EQ(CompileError("lvt > 5").hint(), "Did you mean ltv?");
    EXPECT_EQ(CompileError("actve").hint(), "Did you mean active?");
    EXPECT_EQ(CompileError("order_total > 5").hint(), "Did you mean `Order Total`?");
    EXPECT_EQ(CompileError("zzzzzzzzz > 5").hint().substr(0, 25), "Columns are id, big, ltv,");
    for (const char* text : {"profile.plan = 'x'", "events.purchase.count_30d > 1", "trait(\"vip\")",
                             "segment(\"vip\")", "a.b = 1"}) {
        error = CompileError(text);
        EXPECT_EQ(error.state(), sqlstate::kNotSupported) << text;
        EXPECT_NE(error.message().find("is not available in a relation segment at position 1"),
                  std::string::npos)
            << error.message();
    }
    EXPECT_LT(CompileError("`" + std::string(100'000, 'x') + "` > 1").message().size(), 200u);
}

TEST(RuleCompile, QuotesEverything) {
    EXPECT_EQ(Sql("plan = \"x'; DROP TABLE users; --\""), "(s.\"plan\" = 'x''; DROP TABLE users; --')");
    EXPECT_EQ(Sql("plan = \"\\\\'; DROP TABLE users; --\""),
              "(s.\"plan\" =  E'\\\\''; DROP TABLE users; --')");
    EXPECT_EQ(Sql("`x\"; DROP TABLE users; --` = 'y'"), "(s.\"x\"\"; DROP TABLE users; --\" = 'y')");
    EXPECT_EQ(Sql("plan = \"$$ /* -- */ 😀 $$\""), "(s.\"plan\" = '$$ /* -- */ 😀 $$')");
    const std::string long_text(1'000'000, '\'');
    EXPECT_EQ(Sql("plan = \"" + long_text + "\"").size(), 2'000'000u + 15);
    EXPECT_EQ(QuoteName("a\"b"), "\"a\"\"b\"");
    EXPECT_EQ(QuoteText("a\\'b"), " E'a\\\\''b'");
}

TEST(RuleCompile, ClassifiesTypes) {
    const std::pair<const char*, ValueType> cases[] = {
        {"smallint", ValueType::kNumber},
        {"numeric(10,2)", ValueType::kNumber},
        {"double precision", ValueType::kNumber},
        {"character varying(20)", ValueType::kText},
        {"\"char\"", ValueType::kText},
        {"citext", ValueType::kText},
        {"public.citext", ValueType::kText},
        {"timestamp(3) with time zone", ValueType::kTimestamp},
        {"date", ValueType::kTimestamp},
        {"interval day to second", ValueType::kDuration},
        {"jsonb", ValueType::kJson},
        {"integer[]", ValueType::kArray},
        {"uuid", ValueType::kOther},
        {"time without time zone", ValueType::kOther},
        {"money", ValueType::kOther},
        {"textual", ValueType::kOther},
        {"", ValueType::kOther},
    };
    for (const auto& [name, type] : cases) EXPECT_EQ(TypeOf(name), type) << name;
}

}  // namespace
}  // namespace pulse::rule
