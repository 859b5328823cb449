// Any input to the rule language, as text or as JSON: either it is rejected with a UserError, or its
// canonical text means the same and its SQL contains the input only inside quotes.
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>

#include <nlohmann/json.hpp>

#include "pulse/base/error.hpp"
#include "pulse/rule/compile.hpp"
#include "pulse/rule/json.hpp"
#include "pulse/rule/parser.hpp"
#include "pulse/rule/print.hpp"
#include "pulse/rule/profile.hpp"

namespace rule = pulse::rule;

namespace {

// libFuzzer keeps the input that got here.
[[noreturn]] void Fail(const std::string& what, const std::string& text) {
    std::cerr << what << ":\n" << text << "\n";
    std::abort();
}

// Returns the position behind the quoted name or literal that begins at `i`, or npos when it does not end.
size_t SkipQuoted(const std::string& sql, size_t i, bool escapes) {
    const char quote = sql[i];
    for (++i; i < sql.size(); ++i) {
        if (escapes && sql[i] == '\\') {
            ++i;
        } else if (sql[i] == quote) {
            if (i + 1 >= sql.size() || sql[i + 1] != quote) return i + 1;
            ++i;
        }
    }
    return std::string::npos;
}

// Outside quotes there is only what the compiler itself writes.
void CheckSql(const std::string& sql) {
    int open = 0;
    for (size_t i = 0; i < sql.size();) {
        const char c = sql[i];
        if (c == '\'' || c == '"') {
            const bool escapes = c == '\'' && i > 0 && sql[i - 1] == 'E';
            i = SkipQuoted(sql, i, escapes);
            if (i == std::string::npos) Fail("open quote", sql);
            continue;
        }
        if (c == '(') ++open;
        if (c == ')' && --open < 0) Fail("parenthesis closed too early", sql);
        const bool known = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                           std::string(" _.,()[]:=<>!+-*/%|~#@&").find(c) != std::string::npos;
        if (!known) Fail(std::string("unexpected character ") + c, sql);
        if (sql.compare(i, 2, "--") == 0 || sql.compare(i, 2, "/*") == 0) Fail("comment", sql);
        ++i;
    }
    if (open != 0) Fail("open parenthesis", sql);
}

rule::RelationScope MakeScope() {
    using rule::ValueType;
    return rule::RelationScope({
        {"a", "bigint", ValueType::kNumber},
        {"b", "text", ValueType::kText},
        {"c", "boolean", ValueType::kBoolean},
        {"d", "timestamp with time zone", ValueType::kTimestamp},
        {"e", "interval", ValueType::kDuration},
        {"f", "text[]", ValueType::kArray},
        {"g", "jsonb", ValueType::kJson},
        {"h", "mood", ValueType::kEnum},
        {"i", "point", ValueType::kOther},
        {"j", "date", ValueType::kTimestamp},
        {"k", "timestamp without time zone", ValueType::kTimestamp},
        {"l", "real", ValueType::kNumber},
        {"it's \"odd\"; --", "numeric(10,2)", ValueType::kNumber},
    });
}

// Every trait and segment exists; some use each other, and x is circular.
class Saved : public rule::Definitions {
  public:
    rule::ExprPtr Find(rule::Reference::Kind kind, const std::string& key, size_t) const override {
        if (key == "x") return rule::Parse("trait('x')");
        if (key == "y") return rule::Parse("z + profile.y");
        return rule::Parse(kind == rule::Reference::Kind::kSegment ? "y > 3 || last_seen_days_ago < 3"
                                                                   : "events.e.sum(p, 7d)");
    }
};

// A rule about people: all its SQL is clean, and each of its metrics can be parsed again from its text.
void CheckPerson(const rule::ExprPtr& tree) {
    const rule::ProfileNames names{"s.attributes", "s.account", "s.context",
                                   [](size_t n) { return "s.m" + std::to_string(n); }};
    rule::FindPatterns(*tree);
    for (const rule::SubExpression& part : rule::SubExpressions(tree))
        if (part.depth < 0 || !part.expr) Fail("part without a tree", part.text);
    for (const rule::Expect expect : {rule::Expect::kBoolean, rule::Expect::kAny}) {
        try {
            const rule::ExprPtr expanded = rule::Expand(*tree, Saved());
            const rule::ReferencedNames mentions = rule::FindReferencedNames(*expanded);
            if (!mentions.traits.empty() || !mentions.segments.empty())
                Fail("a name is left", rule::Print(*expanded));
            const rule::ProfileRule compiled = rule::CompileProfile(*expanded, names, expect, "pulse_now()");
            CheckSql(compiled.sql);
            CheckSql(compiled.until);
            for (const rule::Metric& metric : compiled.metrics) {
                const std::string text = rule::Print(metric);
                if (rule::Print(rule::ParseMetric(text)) != text) Fail("a metric is not stable", text);
                const rule::MetricSql sql =
                    rule::CompileMetric(metric, "pulse_now()", "Europe/Berlin", "s.id");
                for (const std::string& part : {sql.value, sql.until, sql.empty, sql.oldest}) CheckSql(part);
            }
        } catch (const pulse::UserError& error) {
            if (error.state().size() != 5 || error.message().empty())
                Fail("error without a state or a message", rule::Print(*tree));
        }
    }
}

void CheckRule(const rule::ExprPtr& tree) {
    rule::RequireSize(*tree);
    const std::string text = rule::Print(*tree);
    const std::string again = rule::Print(*rule::Parse(text));
    if (again != text) Fail("canonical text is not stable", text + "\n" + again);

    CheckPerson(tree);
    static const rule::RelationScope scope = MakeScope();
    for (const rule::Expect expect : {rule::Expect::kBoolean, rule::Expect::kAny}) {
        try {
            const rule::Compiled compiled = rule::Compile(*tree, scope, expect, "pulse_now()");
            if (compiled.text != text) Fail("the compiler prints another text", text + "\n" + compiled.text);
            CheckSql(compiled.sql);
            for (const rule::Clause& clause : compiled.clauses) CheckSql(clause.sql);
        } catch (const pulse::UserError&) {
            // Does not fit the columns.
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string input(reinterpret_cast<const char*>(data), size);
    try {
        const bool as_json = !input.empty() && input[0] == '{';
        if (!as_json) {
            CheckRule(rule::Parse(input));
            return 0;
        }
        const nlohmann::json json = nlohmann::json::parse(input, nullptr, false);
        if (!json.is_discarded()) CheckRule(rule::FromJson(json));
    } catch (const pulse::UserError& error) {
        if (error.state().size() != 5 || error.message().empty())
            Fail("error without a state or a message", input);
    }
    return 0;
}
