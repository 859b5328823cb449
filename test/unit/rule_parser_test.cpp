#include "rule_testing.hpp"

#include "pulse/rule/literal.hpp"

namespace pulse::rule {
namespace {

TEST(RuleParser, HasOneSpellingPerMeaning) {
    const std::pair<const char*, const char*> cases[] = {
        {"ltv>1000&&days<=7", "ltv > 1000 && days <= 7"},
        {"a = 1 AND b == 2 Or not c", "a = 1 && b = 2 || not c"},
        {"!a", "not a"},
        {"!(a = 1)", "not a = 1"},
        {"a <> 1", "a != 1"},
        {"a in ['x', \"y\"]", "a in [\"x\", \"y\"]"},
        {"a NOT IN [1,-2]", "a not in [1, -2]"},
        {"not a in [1]", "a not in [1]"},
        {"a not_in [1]", "a not in [1]"},
        {"a between 1 and 2 and b", "a between 1 and 2 && b"},
        {"a not between 1 + 1 and 2", "a not between 1 + 1 and 2"},
        {"a contains 'x' and a not contains 'y'", "a contains \"x\" && a not contains \"y\""},
        {"a starts_with 'x' or a not ends_with 'y'", "a starts_with \"x\" || a not ends_with \"y\""},
        {"a matches 'x' or a not_matches 'y'", "a matches \"x\" || a not matches \"y\""},
        {"exists a", "a is not null"},
        {"not exists a", "a is null"},
        {"!!a", "a"},
        {"not (a not in [1])", "a in [1]"},
        {"a = null", "a is null"},
        {"null != a", "a is not null"},
        {"a IS NOT NULL", "a is not null"},
        {"a is_null", "a is null"},
        {"a within last 1w", "a within last 7d"},
        {"a not within last 90m", "a not within last 90m"},
        {"a before last 86400s", "a before last 1d"},
        {"a within_last 7d", "a within last 7d"},
        {"coalesce(a, b, 1) > 0", "a ?? b ?? 1 > 0"},
        {"(a ?? b) ?? c = 1", "a ?? b ?? c = 1"},
        {"(((a)))", "a"},
        {"(a && b) && (c && d)", "a && b && c && d"},
        {"(a || b) && c", "(a || b) && c"},
        {"a || (b && c)", "a || b && c"},
        {"a - (b - c) > 0", "a - (b - c) > 0"},
        {"(a - b) - c > 0", "a - b - c > 0"},
        {"a * (b + c) / d > 0", "a * (b + c) / d > 0"},
        {"-(a + b) < - 5", "-(a + b) < -5"},
        {"-(-a) > 0", "-(-a) > 0"},
        {"- -5 = a", "5 = a"},
        {"-(5) ?? a = 1", "-5 ?? a = 1"},
        {"Lower(a) = 'x' and NOW() > now - 7d", "lower(a) = \"x\" && now > now - 7d"},
        {"round(a, 2) = 1", "round(a, 2) = 1"},
        {"(a = 1) = true", "(a = 1) = true"},
        {"a = 007.50", "a = 7.5"},
        {"a = 1e3 or a = 25e-4", "a = 1000 || a = 0.0025"},
        {"a = -0", "a = 0"},
        {"TRUE", "true"},
    };
    for (const auto& [text, canonical] : cases) {
        EXPECT_EQ(Canonical(text), canonical) << text;
        EXPECT_EQ(Canonical(canonical), canonical);
    }
}

TEST(RuleParser, NamesEveryColumn) {
    EXPECT_EQ(Canonical("`Order Total` > 1"), "`Order Total` > 1");
    EXPECT_EQ(Canonical("[\"Order Total\"] > 1"), "`Order Total` > 1");
    EXPECT_EQ(Canonical("`ltv` > 1"), "ltv > 1");
    EXPECT_EQ(Canonical("`a``b` > 1"), "`a``b` > 1");
    EXPECT_EQ(Canonical("`now` > 1 && `Not` = 2"), "`now` > 1 && `Not` = 2");
    EXPECT_EQ(Canonical("in in [1] && contains contains 'x' && len > 3"),
              "in in [1] && contains contains \"x\" && len > 3");
    EXPECT_EQ(Canonical("größe > 1 && 顧客 = 'x'"), "größe > 1 && 顧客 = \"x\"");
    EXPECT_EQ(Canonical("`1st` > 0"), "`1st` > 0");
    EXPECT_EQ(Canonical("LTV > ltv"), "LTV > ltv");
}

TEST(RuleParser, KnowsTheReferencesOfOtherScopes) {
    EXPECT_EQ(Canonical("profile.plan in ['a']"), "profile.plan in [\"a\"]");
    EXPECT_EQ(Canonical("profile.address.`zip code` = 'x'"), "profile.address[\"zip code\"] = \"x\"");
    EXPECT_EQ(Canonical("events.purchase.count_30d >= 3"), "events.purchase.count(30d) >= 3");
    EXPECT_EQ(Canonical("events[\"Order Completed\"].count_7d = 0"),
              "events[\"Order Completed\"].count(7d) = 0");
    EXPECT_EQ(Canonical("trait('vip') && segment(\"a\\\"b\")"), "trait(\"vip\") && segment(\"a\\\"b\")");
    EXPECT_EQ(Canonical("profile > 1 && events = 2 && trait = 3"), "profile > 1 && events = 2 && trait = 3");
}

TEST(RuleParser, ReadsEscapes) {
    EXPECT_EQ(As<Text>(*Parse(R"("a\"b\\c\/\n\t\r\b\f\u00e9\ud83d\ude00'")"))->value,
              "a\"b\\c/\n\t\r\b\fé😀'");
    EXPECT_EQ(As<Text>(*Parse(R"('it\'s "x"')"))->value, "it's \"x\"");
    EXPECT_EQ(Canonical("a = 'x\ny'"), "a = \"x\\ny\"");
}

TEST(RuleParser, ErrorsNamePositionAndProblem) {
    struct Case {
        const char* text;
        size_t position;
        const char* detail;
        const char* hint;
    };
    const Case cases[] = {
        {"", 1, "The rule is empty", "A value is"},
        {"  \n ", 5, "The rule is empty", "A value is"},
        {"ltv >> 5", 6, "Unexpected >, in: ltv >> 5", "A value is"},
        {"ltv 5", 5, "Unexpected 5", "Operators are"},
        {"ltv like 'x'", 5, "Unexpected like", "starts_with \"pro\""},
        {"a not rlike 'x'", 7, "Unexpected rlike", "matches"},
        {"a in ('x')", 6, "Unexpected (", "in [\"free\", \"pro\"]"},
        {"a === 'x'", 5, "Unexpected =", "Write = for equal"},
        {"a = 'it''s'", 9, "Unexpected 's'", "A quote inside a text"},
        {"ltv not 5", 9, "Unexpected 5", "Operators are"},
        {"ltv > ", 7, "The rule ends too early", "A value is"},
        {"(a = 1", 7, "The rule ends too early", "A parenthesis is open"},
        {"a = 1)", 6, "Unexpected )", "Operators are"},
        {"a < b < c", 7, "Unexpected <", "cannot be chained"},
        {"a & b", 3, "Unexpected character \"&\"", "&& and ||"},
        {"a = 'x", 5, "The text does not end", "End the text"},
        {"a = `x", 5, "The name in backticks does not end", "backtick"},
        {"a = ``", 5, "A name is empty", "column"},
        {"a = '\\d'", 6, "Unknown escape", "write \\\\ for a backslash"},
        {"a = '\\u00'", 6, "four hexadecimal digits", "Escapes are"},
        {"a = '\\ud800'", 6, "names no character", "Escapes are"},
        {"a = '\\u0000'", 6, "names no character", "Escapes are"},
        {"a within last 7x", 15, "\"7x\" is neither a number nor a duration", "Durations are"},
        {"a within last 7", 15, "Unexpected 7", "Give a duration"},
        {"a within 7d", 10, "Unexpected 7d", "Write within last"},
        {"a within last 0d", 15, "neither a number nor a duration", "longer than zero"},
        {"a = 1e999", 5, "neither a number nor a duration", "1e300"},
        {"a in 5", 6, "Unexpected 5", "Give a list"},
        {"a in [,]", 7, "Unexpected ,", "Give a list"},
        {"a in [1, null]", 10, "A list cannot contain null", "is null"},
        {"a in [b]", 7, "Unexpected b", "Give a list"},
        {"a in [1 2]", 9, "Unexpected 2", "commas"},
        {"a between 1 or 2", 13, "Unexpected or", "between low and high"},
        {"a is 5", 6, "Unexpected 5", "is null or is not null"},
        {"a && or", 6, "Unexpected or", "backticks"},
        {"lower() = 'x'", 1, "Wrong number of arguments", "Functions are"},
        {"lower(a, b) = 'x'", 1, "Wrong number of arguments", "Functions are"},
        {"trait(vip)", 7, "Unexpected vip", "in quotes"},
        {"é = 'x' ?", 9, "Unexpected character \"?\"", "Signs are"},
        {"a; DROP TABLE users", 2, "Unexpected character \";\"", "Signs are"},
        {"a /* x */ = 1", 4, "Unexpected *", "A value is"},
    };
    for (const Case& c : cases) {
        const UserError error = ParseError(c.text);
        EXPECT_EQ(error.state(), sqlstate::kSyntaxError) << c.text;
        EXPECT_EQ(error.message(), "syntax error in rule at position " + std::to_string(c.position))
            << c.text;
        EXPECT_NE(error.detail().find(c.detail), std::string::npos) << c.text << ": " << error.detail();
        EXPECT_NE(error.hint().find(c.hint), std::string::npos) << c.text << ": " << error.hint();
    }
}

TEST(RuleParser, NamesAnUnknownFunction) {
    const UserError error = ParseError("ltv > pg_sleep(10)");
    EXPECT_EQ(error.state(), sqlstate::kUndefinedFunction);
    EXPECT_EQ(error.message(), "unknown function in rule at position 7");
    EXPECT_NE(error.hint().find("days_since"), std::string::npos);
}

TEST(RuleParser, ErrorsQuoteTheTextAroundThem) {
    const UserError error =
        ParseError("ä = 1 && " + std::string(5000, ' ') + "a = = 2 && " + std::string(5000, 'x'));
    EXPECT_LT(error.detail().size(), 150u);
    EXPECT_NE(error.detail().find("a = = 2"), std::string::npos);
}

TEST(RuleParser, LimitsDepthAndLength) {
    const auto repeated = [](const std::string& text, size_t count) {
        std::string all;
        for (size_t i = 0; i < count; ++i) all += text;
        return all;
    };
    for (const std::string& deep :
         {repeated("(", 10'000) + "a" + repeated(")", 10'000), repeated("!", 10'000) + "a",
          repeated("not (", 10'000) + "a" + repeated(")", 10'000), repeated("- ", 10'000) + "a > 1",
          repeated("lower(", 10'000) + "a" + repeated(")", 10'000) + " = 'x'",
          repeated("(a || b && ", 10'000) + "c" + repeated(")", 10'000),
          "a" + repeated(" + a", 10'000) + " > 1", repeated("(", 500'000)}) {
        const UserError error = ParseError(deep);
        EXPECT_EQ(error.state(), sqlstate::kProgramLimit) << deep.substr(0, 20);
        EXPECT_EQ(error.message(), "rule is nested too deeply");
    }
    EXPECT_EQ(Canonical(repeated("(", 100) + "a" + repeated(")", 100)), "a");
    // Long is not deep: 10,000 alternatives are fine, one more is not.
    EXPECT_NO_THROW(Parse("a = 1" + repeated(" || a = 1", 9'999)));
    EXPECT_EQ(ParseError("a = 1" + repeated(" || a = 1", 10'000)).state(), sqlstate::kProgramLimit);
    EXPECT_NO_THROW(Parse("a in [1" + repeated(",1", 9'999) + "]"));
    EXPECT_EQ(ParseError("a in [1" + repeated(",1", 10'000) + "]").state(), sqlstate::kProgramLimit);

    const std::string megabyte(kMaxText - 6, 'x');
    EXPECT_EQ(As<Operation>(*Parse("a = \"" + megabyte.substr(1) + "\""))->op, Op::kEqual);
    EXPECT_EQ(ParseError("a = \"" + megabyte + "xx\"").message(), "rule is too long");
    // Short as written, too long in canonical form.
    EXPECT_EQ(ParseError("a = '" + repeated("\"", kMaxText - 6) + "'").message(), "rule is too long");
}

TEST(RuleParser, RefusesBrokenText) {
    for (const std::string& text : {std::string("a = '\xff'"), std::string("a\0b = 1", 7),
                                    std::string("a = '\xc3'"), std::string("a = '\xed\xa0\x80'"),
                                    std::string("a = '\xc0\xaf'"), std::string("\xf4\x90\x80\x80")}) {
        EXPECT_EQ(ParseError(text).state(), sqlstate::kInvalidEncoding);
    }
}

TEST(RuleLiteral, WritesNumbersExactly) {
    EXPECT_EQ(NormalizeNumber("12345678901234567890.0123456789"), "12345678901234567890.0123456789");
    EXPECT_EQ(NormalizeNumber("1e300"), "1" + std::string(300, '0'));
    EXPECT_EQ(NormalizeNumber("1e-300"), "0." + std::string(299, '0') + "1");
    EXPECT_EQ(NormalizeNumber("0e9999"), "0");
    EXPECT_EQ(NormalizeNumber("-12.50e1"), "-125");
    for (const char* bad :
         {"", "-", "1e301", "1e-301", "1e99999", "1.", ".5", "1e", "1e+", "0x10", "1_0", "١"})
        EXPECT_FALSE(NormalizeNumber(bad)) << bad;
    EXPECT_FALSE(NormalizeNumber(std::string(5000, '7')));
}

TEST(RuleLiteral, ReadsDurations) {
    EXPECT_EQ(ParseDuration("2w"), 14 * 86400);
    EXPECT_EQ(ParseDuration("365250d"), kMaxDuration);
    for (const char* bad :
         {"", "d", "7", "7D", "7M", "-7d", "1.5d", "0s", "365251d", "99999999999999999999d", "7dd"})
        EXPECT_FALSE(ParseDuration(bad)) << bad;
    EXPECT_EQ(PrintDuration(90), "90s");
    EXPECT_EQ(PrintDuration(3600), "1h");
    EXPECT_EQ(PrintDuration(1209600), "14d");
}

}  // namespace
}  // namespace pulse::rule
