// Rules about people: what names mean, how values of unknown type are read, what stands for traits and
// segments.
#include "rule_testing.hpp"

#include <map>

#include "pulse/rule/profile.hpp"

namespace pulse::rule {
namespace {

const ProfileNames kNames{"a", "c", "x", [](size_t n) { return "m" + std::to_string(n); }};

ProfileRule Person(std::string_view text, Expect expect = Expect::kAny) {
    return CompileProfile(*Parse(text), kNames, expect, "now()");
}

std::string PersonSql(std::string_view text) {
    return Person(text).sql;
}

UserError PersonError(std::string_view text, Expect expect = Expect::kBoolean) {
    return ErrorOf([&] { Person(text, expect); });
}

class Saved : public Definitions {
  public:
    explicit Saved(std::map<std::string, std::string> texts) : texts_(std::move(texts)) {}

    ExprPtr Find(Reference::Kind kind, const std::string& key, size_t position) const override {
        const auto found = texts_.find((kind == Reference::Kind::kSegment ? "segment " : "trait ") + key);
        if (found == texts_.end())
            throw UserError(sqlstate::kUndefinedObject, "unknown " + key + " at " + std::to_string(position));
        return Parse(found->second);
    }

  private:
    std::map<std::string, std::string> texts_;
};

std::string Expanded(std::string_view text, const Saved& saved, const std::string& self = "") {
    return Print(*Expand(*Parse(text), saved, self));
}

TEST(RuleProfile, AcceptsExamplesOfOtherSystems) {
    const Saved saved(
        {{"trait frequent_buyer", "events.purchase.count_30d >= 3"},
         {"trait total_spent", "events.purchase.sum(amount)"},
         {"segment power_users", "events.app_open.unique_days_14d >= 5"},
         {"segment recent_buyers", "events.purchase.count_30d >= 1 && last_seen_minutes_ago < 1440"},
         {"segment high_value", "total_spent > 100"}});
    for (const char* text :
         {"events.purchase.count_30d >= 1", "events.app_open.unique_days_14d >= 5",
          "last_seen_minutes_ago < 1440", "profile.plan in [\"premium\", \"enterprise\"]",
          "events.purchase.count_30d >= 1 && events.app_open.count_7d >= 3", "frequent_buyer == true",
          "segment(\"power_users\")", "segment(\"recent_buyers\") && segment(\"high_value\")",
          "trait(\"total_spent\") >= 500", "segment(\"recent_buyers\") == false",
          "events[\"Order Completed\"]{category == \"cosmetics\"}.sum(revenue, 90d) > 100",
          "sequence(events.view_product -> within 1d no events.order{product_id == $.product_id}, in 7d)",
          "events.purchase.first_seen_days_ago > 30", "first_seen_days_ago >= 2",
          "lifecycle in [\"known\", \"customer\"]"}) {
        const ExprPtr expanded = Expand(*Parse(text), saved);
        const ProfileRule rule = CompileProfile(*expanded, kNames, Expect::kBoolean, "now()");
        EXPECT_EQ(rule.type, ValueType::kBoolean) << text;
        EXPECT_FALSE(rule.until.empty()) << text;
    }
}

TEST(RuleProfile, ValuesTakeTheTypeOfTheOtherOperand) {
    const std::string text =
        "(CASE WHEN pg_catalog.jsonb_typeof((a -> 'p')) = 'string' THEN (a -> 'p') #>> '{}' END)";
    const std::string number = "pulse.to_number((a -> 'p'))";
    const std::string boolean =
        "(CASE WHEN pg_catalog.jsonb_typeof((a -> 'p')) = 'boolean' THEN (a -> 'p')::boolean END)";
    const std::string instant = "pulse.to_moment((a -> 'p'))";
    EXPECT_EQ(PersonSql("profile.p = 'x'"), "(" + text + " = 'x')");
    EXPECT_EQ(PersonSql("'x' != profile.p"), "('x' <> " + text + ")");
    EXPECT_EQ(PersonSql("profile.p > 'x'"), "(" + text + " > 'x')");
    EXPECT_EQ(PersonSql("profile.p > 5"), "(" + number + " > 5)");
    EXPECT_EQ(PersonSql("profile.p"), "NULLIF((a -> 'p'), 'null'::jsonb)");
    EXPECT_EQ(PersonSql("profile.p && true"), "(" + boolean + " AND true)");
    EXPECT_EQ(Person("profile.p", Expect::kBoolean).sql, boolean);
    EXPECT_EQ(PersonSql("profile.p = true"), "(" + boolean + " = true)");
    EXPECT_EQ(PersonSql("profile.p > now"), "(" + instant + " > now())");
    EXPECT_EQ(PersonSql("profile.p > \"2011-03-01\""),
              "(" + instant + " > timestamptz '2011-03-01 00:00:00+00')");
    EXPECT_EQ(PersonSql("profile.p = \"2011-03-01\""),
              "(pulse.equal((a -> 'p'), pg_catalog.to_jsonb(('2011-03-01')::text)))");
    EXPECT_EQ(
        PersonSql("(profile.p ?? 'x') < (account.p ?? 'y')"),
        "(pulse.compare(pg_catalog.to_jsonb(COALESCE(" + text +
            ", 'x')), pg_catalog.to_jsonb(COALESCE((CASE WHEN pg_catalog.jsonb_typeof((c -> 'p')) = 'string' "
            "THEN (c -> 'p') #>> '{}' END), 'y'))) < 0)");
    EXPECT_EQ(PersonSql("profile.p + 1"), "(" + number + " + (1)::numeric)");
    EXPECT_EQ(PersonSql("profile.p is null"), "(NULLIF((a -> 'p'), 'null'::jsonb) IS NULL)");
    EXPECT_EQ(PersonSql("profile.p ?? 0"), "COALESCE(" + number + ", (0)::numeric)");
    EXPECT_EQ(PersonSql("profile.p ?? 'x'"), "COALESCE(" + text + ", 'x')");
    EXPECT_EQ(PersonSql("profile.p ?? false"), "COALESCE(" + boolean + ", false)");
    EXPECT_EQ(
        PersonSql("profile.p in ['x', 'y']"),
        "(CASE pg_catalog.jsonb_typeof((a -> 'p')) WHEN 'string' THEN ((a -> 'p') #>> '{}') IN ('x', 'y') "
        "END)");
    EXPECT_EQ(PersonSql("profile.p in ['x', 1, true]"),
              "(CASE pg_catalog.jsonb_typeof((a -> 'p')) WHEN 'string' THEN ((a -> 'p') #>> '{}') IN ('x') "
              "WHEN 'number' THEN ((a -> 'p')::numeric) IN (1) WHEN 'boolean' THEN ((a -> 'p')::boolean) IN "
              "(true) END)");
    EXPECT_EQ(PersonSql("profile.p = account.p"), "(pulse.equal((a -> 'p'), (c -> 'p')))");
    EXPECT_EQ(PersonSql("profile.p != account.p"), "(NOT pulse.equal((a -> 'p'), (c -> 'p')))");
    EXPECT_EQ(PersonSql("profile.p < account.p"), "(pulse.compare((a -> 'p'), (c -> 'p')) < 0)");
    EXPECT_EQ(PersonSql("profile.p in []"), "false");
    EXPECT_EQ(PersonSql("profile.p in ['x', '2011-03-01']"),
              "(CASE pg_catalog.jsonb_typeof((a -> 'p')) WHEN 'string' THEN ((a -> 'p') #>> '{}') IN ('x', "
              "'2011-03-01') OR COALESCE(pulse.to_moment((a -> 'p')) IN (timestamptz '2011-03-01 "
              "00:00:00+00'), false) WHEN 'number' THEN COALESCE(pulse.to_moment((a -> 'p')) IN (timestamptz "
              "'2011-03-01 00:00:00+00'), false) END)");
    EXPECT_NE(PersonSql("len(profile.p) > 1").find("jsonb_array_length"), std::string::npos);
    EXPECT_NE(PersonSql("profile.p contains 'x'").find("jsonb_exists"), std::string::npos);
    EXPECT_NE(PersonSql("profile.p contains 5").find("jsonb_contains"), std::string::npos);
    EXPECT_EQ(PersonSql("profile.a.`b c`['it\\'s']"),
              "NULLIF((a -> 'a' -> 'b c' -> 'it''s'), 'null'::jsonb)");
}

TEST(RuleProfile, TypesOfResults) {
    const auto type = [](const char* text) { return Person(text).sql_type; };
    EXPECT_EQ(type("profile.p"), "jsonb");
    EXPECT_EQ(type("profile.p ?? context.q"), "jsonb");
    EXPECT_EQ(type("profile.p ?? context.q ?? 5"), "numeric");
    EXPECT_EQ(type("events.a.count"), "numeric");
    EXPECT_EQ(type("events.a.last_seen"), "timestamp with time zone");
    EXPECT_EQ(type("events.a.last(x)"), "jsonb");
    EXPECT_EQ(type("events.a.list(x)"), "text[]");
    EXPECT_EQ(type("events.a.exists"), "boolean");
    EXPECT_EQ(type("last_seen_days_ago"), "numeric");
    EXPECT_EQ(type("lifecycle"), "text");
    EXPECT_EQ(type("if(events.a.exists, 1, 0)"), "numeric");
    EXPECT_EQ(type("profile.p + 7d"), "timestamp with time zone");
}

TEST(RuleProfile, NullIsOneOfTheValuesOfIf) {
    EXPECT_EQ(PersonSql("if(events.a.exists, 5, null)"), "(CASE WHEN m0 THEN (5)::numeric END)");
    EXPECT_EQ(PersonSql("if(events.a.exists, null, \"x\")"),
              "(CASE WHEN (NOT COALESCE(m0, false)) THEN 'x' END)");
    EXPECT_EQ(Person("if(events.a.exists, events.a.last_seen, null)").sql_type, "timestamp with time zone");
    EXPECT_EQ(Person("if(events.a.exists, profile.p, null)").sql_type, "jsonb");
    EXPECT_EQ(PersonError("if(events.a.exists, null, null)", Expect::kAny).message(),
              "null is not allowed here in rule at position 21");
    EXPECT_EQ(PersonError("if(null, 1, 2)", Expect::kAny).message(),
              "null is not allowed here in rule at position 4");
}

TEST(RuleProfile, ReportsAttributesAndMetrics) {
    const ProfileRule rule = Person(
        "profile.plan = 'x' && profile.address.city = 'y' && profile.plan != 'z' && account.seats > 3 && "
        "context.build > 1 && "
        "events.a.count_30d > events.b.count && events.a.count(720h) > 1 && last_seen_days_ago > 3");
    EXPECT_EQ(rule.attributes, (std::vector<std::string>{"plan", "address"}));
    EXPECT_EQ(rule.account_attributes, (std::vector<std::string>{"seats"}));
    std::vector<std::string> metrics;
    for (const Metric& metric : rule.metrics) metrics.push_back(Print(metric));
    EXPECT_EQ(metrics,
              (std::vector<std::string>{"events.a.count(30d)", "events.b.count", "events.*.last_seen"}));
    EXPECT_EQ(rule.clauses.size(), 8u);
    EXPECT_EQ(rule.clauses[5].sql, "(m0 > m1)");
    EXPECT_EQ(rule.clauses[6].sql, "(m0 > 1)");
    EXPECT_EQ(Person("lifecycle = 'known'").attributes, (std::vector<std::string>{"email", "phone"}));
}

TEST(RuleProfile, ErrorsNameTheProblem) {
    struct Case {
        const char* text;
        const char* state;
        const char* message;
    };
    const Case cases[] = {
        {"events.a.count > 'x'", sqlstate::kDatatypeMismatch,
         "operator > cannot take numeric and text in rule at position 1"},
        {"true && events.a.count", sqlstate::kDatatypeMismatch, "not a condition in rule at position 9"},
        {"profile.p > 7d", sqlstate::kDatatypeMismatch,
         "operator > cannot take jsonb and duration in rule at position 1"},
        {"events.a.exists > 3", sqlstate::kDatatypeMismatch,
         "operator > cannot take boolean and numeric in rule at position 1"},
        {"events.a{b + 'x' = 3}.count > 3", sqlstate::kDatatypeMismatch,
         "operator + cannot take jsonb and text in rule at position 10"},
        {"events.a{b + 3}.count > 3", sqlstate::kDatatypeMismatch, "not a condition in rule at position 10"},
        {"nobody = 1", sqlstate::kUndefinedObject, "unknown trait nobody in rule at position 1"},
        {"segment('nobody')", sqlstate::kUndefinedObject, "unknown segment nobody in rule at position 1"},
        {"profil.plan = 'x'", sqlstate::kUndefinedColumn, "unknown name profil.plan in rule at position 1"},
        {"profile = 'x'", sqlstate::kSyntaxError, "incomplete name in rule at position 1"},
        {"rfm.r > 3", sqlstate::kNotSupported, "rfm.r is not available in rules at position 1"},
        {"consent.Email", sqlstate::kNotSupported, "consent.Email is not available in rules at position 1"},
        {"profile.p matches profile.q", sqlstate::kNotSupported,
         "the pattern of matches must be a text in quotes in rule at position 1"},
    };
    for (const Case& c : cases) {
        const UserError error = PersonError(c.text);
        EXPECT_EQ(error.state(), c.state) << c.text;
        EXPECT_EQ(error.message(), c.message);
        EXPECT_FALSE(error.detail().empty()) << c.text;
    }
    const ProfileNames bare{"a", "c", "", nullptr};
    EXPECT_EQ(ErrorOf([&] { CompileProfile(*Parse("context.x"), bare, Expect::kAny, "now()"); }).message(),
              "context.x is not available in rules at position 1");
    EXPECT_EQ(
        ErrorOf([&] { CompileProfile(*Parse("events.a.count > 1"), bare, Expect::kAny, "now()"); }).message(),
        "events.a.count is not available in rules at position 1");
}

// Macros in the place of saved definitions.
class WithMacros : public Saved {
  public:
    using Saved::Saved;
    ExprPtr FindMacro(const std::string& name, size_t) const override {
        return name == "rfm.group"   ? Parse("if(rfm.inner > 1, \"a\", null)")
               : name == "rfm.inner" ? Parse("events.x.count + t")
               : name == "rfm.round" ? Parse("rfm.round + 1")
                                     : nullptr;
    }
};

TEST(RuleProfile, ExpandsMacros) {
    const WithMacros saved({{"trait t", "events.y.count"}, {"trait u", "rfm.group"}});
    const auto expanded = [&](const char* text) { return Print(*Expand(*Parse(text), saved)); };
    EXPECT_EQ(expanded("rfm.inner > 1"), "events.x.count + events.y.count > 1");
    EXPECT_EQ(expanded("u = \"a\""), "if(events.x.count + events.y.count > 1, \"a\", null) = \"a\"");
    // What is off stays as it is, and so does a property of that name.
    EXPECT_EQ(expanded("lifecycle = \"known\" && rfm.score > 1"), "lifecycle = \"known\" && rfm.score > 1");
    EXPECT_EQ(expanded("events.x{rfm.inner = 1}.count > 1"), "events.x{rfm.inner = 1}.count > 1");
    EXPECT_EQ(ErrorOf([&] { expanded("rfm.round = 1"); }).state(), sqlstate::kInvalidDefinition);
    EXPECT_EQ(FindReferencedNames(*Parse("rfm.score > 1 && lifecycle = 'x' && t")).macros,
              (std::vector<std::string>{"rfm.score", "lifecycle"}));
}

TEST(RuleProfile, ExpandsDefinitions) {
    const Saved saved({{"trait a", "events.x.count + 1"},
                       {"trait b", "a * 2"},
                       {"segment s", "b > 5"},
                       {"segment t", "segment('s') || vip"},
                       {"trait vip", "profile.vip"},
                       {"trait lifecycle", "1"}});
    EXPECT_EQ(Expanded("a > 1", saved), "events.x.count + 1 > 1");
    EXPECT_EQ(Expanded("trait('b')", saved), "(events.x.count + 1) * 2");
    EXPECT_EQ(Expanded("segment('s')", saved), "((events.x.count + 1) * 2 > 5) ?? false");
    EXPECT_EQ(Expanded("!segment('t')", saved),
              "not (((events.x.count + 1) * 2 > 5) ?? false || profile.vip) ?? false");
    EXPECT_EQ(Expanded("lifecycle = 'x' && trait('lifecycle') = 1", saved), "lifecycle = \"x\" && 1 = 1");
    EXPECT_EQ(Expanded("events.y{a = 1}.count > 0", saved), "events.y{a = 1}.count > 0");
    EXPECT_EQ(ErrorOf([&] { Expanded("1 < nobody", saved); }).message(), "unknown nobody at 5");
    const ReferencedNames mentions = FindReferencedNames(
        *Parse("a > 1 && trait('a') < b && segment('s') && lifecycle = 'x' && profile.x"));
    EXPECT_EQ(mentions.traits, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(mentions.segments, (std::vector<std::string>{"s"}));
}

TEST(RuleProfile, RefusesCyclesAndDeepNesting) {
    const Saved circle({{"trait a", "segment('b')"}, {"segment b", "a == true"}, {"trait me", "me"}});
    const UserError error = ErrorOf([&] { Expanded("a", circle); });
    EXPECT_EQ(error.state(), "42P17");
    EXPECT_EQ(error.detail(), "The cycle is trait a → segment b → trait a.");
    EXPECT_EQ(ErrorOf([&] { Expanded("segment('b')", circle, "trait a"); }).detail(),
              "The cycle is trait a → segment b → trait a.");
    EXPECT_EQ(ErrorOf([&] { Expanded("me", circle); }).detail(), "The cycle is trait me → trait me.");

    std::map<std::string, std::string> tower{{"trait t0", "events.x.count"}}, wide = tower;
    for (int i = 1; i <= 30; ++i) {
        const std::string below = "t" + std::to_string(i - 1);
        tower["trait t" + std::to_string(i)] = below + " + 1";
        wide["trait t" + std::to_string(i)] = below + " + " + below + " + " + below + " + " + below;
    }
    EXPECT_NO_THROW(Expanded("t15", Saved(tower)));
    EXPECT_EQ(ErrorOf([&] { Expanded("t20", Saved(tower)); }).state(), sqlstate::kProgramLimit);
    EXPECT_EQ(ErrorOf([&] { Expanded("t7", Saved(wide)); }).message(), "rule repeats definitions too often");
    EXPECT_NO_THROW(Expanded("t6", Saved(wide)));
}

TEST(RuleProfile, ListsSubExpressions) {
    std::vector<std::string> lines;
    for (const SubExpression& part : SubExpressions(
             Parse("profile.plan in ['a', 'b'] && (events.x.count_30d * 2 > 5 || last_seen_days_ago < 3)")))
        lines.push_back(std::string(static_cast<size_t>(part.depth) * 2, ' ') + part.text);
    EXPECT_EQ(lines,
              (std::vector<std::string>{
                  "profile.plan in [\"a\", \"b\"] && (events.x.count(30d) * 2 > 5 || last_seen_days_ago < 3)",
                  "  profile.plan in [\"a\", \"b\"]", "    profile.plan",
                  "  events.x.count(30d) * 2 > 5 || last_seen_days_ago < 3",
                  "    events.x.count(30d) * 2 > 5", "      events.x.count(30d) * 2",
                  "        events.x.count(30d)", "    last_seen_days_ago < 3", "      last_seen_days_ago"}));
}

// x^n as a tree of few levels.
std::string Power(const std::string& x, int n, const char* op = " * ") {
    return n == 1 ? x : "(" + Power(x, n / 2, op) + op + Power(x, n - n / 2, op) + ")";
}

TEST(RuleProfile, RefusesNumbersThatCouldOverflow) {
    const auto state = [](const std::string& rule) {
        try {
            Person(rule + " > 1");
            return std::string("accepted");
        } catch (const UserError& error) {
            return error.state();
        }
    };
    // 435 times 301 digits.
    EXPECT_EQ(state(Power("profile.n", 435)), "accepted");
    EXPECT_EQ(state(Power("number(profile.n)", 435)), "accepted");
    EXPECT_EQ(state(Power("profile.n", 2000, " + ")), "accepted");
    EXPECT_EQ(state(Power("(profile.n / len(profile.t))", 400)), "accepted");
    EXPECT_EQ(state(Power("(profile.n / 0.01)", 400)), "accepted");
    EXPECT_EQ(state(Power("days_since(profile.t)", 2000)), "accepted");
    EXPECT_EQ(state("(" + Power("profile.n", 217) + " + 1) * " + Power("profile.n", 217)), "accepted");
    for (const std::string& rule :
         {Power("profile.n", 436), Power("abs(profile.n)", 436), Power("(- profile.n)", 436),
          Power("round(profile.n)", 436), Power("number(profile.n)", 436), Power("(profile.n ?? 1)", 436),
          Power("if(profile.b, profile.n, 2)", 436), Power("events.a.sum(n)", 436),
          // A divisor can be as small as 1e-16383.
          Power("(profile.n / profile.m)", 8), Power("(1 / events.a.avg(n))", 8)})
        EXPECT_EQ(state(rule), sqlstate::kProgramLimit) << rule.substr(0, 60);
    const std::string filter = "events.a{" + Power("n", 436) + " > 1}.count",
                      elements = "any(profile.d, " + Power("n", 436) + " > 1) && 2";
    EXPECT_EQ(state(filter), sqlstate::kProgramLimit);
    EXPECT_EQ(state(elements), sqlstate::kProgramLimit);
    const UserError error = ErrorOf([] { Person(Power("profile.n", 436)); });
    EXPECT_EQ(error.message(), "numbers in rule can have too many digits at position 9");
    EXPECT_NE(error.detail().find("can have 131236 digits before the point; at most 131000 are allowed."),
              std::string::npos);
    // The numbers of columns are not known.
    EXPECT_NE(Sql(Power("ltv", 500) + " > 1"), "");
}

}  // namespace
TEST(RuleProfile, SaysWhetherDataCanMakeItFail) {
    for (const char* rule : {"profile.plan = 'pro'", "profile.n > 10 && !(profile.n in [1, 2])",
                             "events.purchase.sum(amount, 30d) > 500", "days_since(profile.since) > 3",
                             "events.purchase{price > 5}.count > 1", "profile.since within last 7d"})
        EXPECT_FALSE(Person(rule).can_fail) << rule;
    for (const char* rule : {"profile.n * profile.n > 10", "!(profile.a = 1 || profile.n / profile.m > 2)",
                             "events.purchase{price % 5 = 1}.count > 1", "if(profile.n - 1 > 2, 1, 2) = 1"})
        EXPECT_TRUE(Person(rule).can_fail) << rule;
}

}  // namespace pulse::rule
