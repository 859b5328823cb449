// Rules over a person, compiled for PostgreSQL's expression evaluator.
#include <unordered_map>

#include "pulse/base/error.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/rule/parser.hpp"
#include "pulse/trait/store_program.hpp"

namespace pulse::trait {

namespace {

// $1 is now, $2 profile.*, $3 account.*, $4 context.*; metrics follow.
constexpr size_t kFirstMetric = 5;

rule::ProfileNames Parameters(bool with_context) {
    return {"$2", "$3", with_context ? "$4" : "",
            [](size_t metric) { return "$" + std::to_string(kFirstMetric + metric); }};
}

std::unique_ptr<pg::Expression> MakeExpression(const std::string& sql, const std::vector<Oid>& types) {
    const pg::Identity identity = pg::Identity::Owner();
    return std::make_unique<pg::Expression>(sql, types);
}

// What stored rules compile to. With each change of definitions all are needed again, and hardly one has
// changed.
struct KnownRule {
    std::shared_ptr<const CompiledText> text;
    uint64_t asked = 0;  // the last round in which it was asked for
};
std::unordered_map<std::string, KnownRule> known_rules;
uint64_t known_round = 0;

std::shared_ptr<const CompiledText> CompileText(const rule::Expr& expanded, rule::Expect expect,
                                                bool with_context) {
    auto text = std::make_shared<CompiledText>();
    text->rule = rule::CompileProfile(expanded, Parameters(with_context), expect, "$1");
    text->types = {TIMESTAMPTZOID, JSONBOID, JSONBOID, JSONBOID};
    for (const rule::Metric& metric : text->rule.metrics) {
        text->metrics.push_back(rule::Print(metric));
        text->types.push_back(TypeOf(CompileMetricForReading(metric).sql_type));
    }
    return text;
}

// The saved traits, and segments without members.
class DefinitionsForUnknown : public rule::Definitions {
  public:
    rule::ExprPtr Find(rule::Reference::Kind kind, const std::string& key, size_t position) const override {
        rule::ExprPtr definition = SavedDefinitions().Find(kind, key, position);
        if (kind == rule::Reference::Kind::kSegment) return rule::Make(rule::Boolean{false}, position);
        return definition;
    }
    rule::ExprPtr FindMacro(const std::string& name, size_t position) const override {
        return SavedDefinitions().FindMacro(name, position);
    }
};

}  // namespace

rule::ExprPtr ExpandForUnknown(const rule::Expr& expr) {
    return rule::Expand(expr, DefinitionsForUnknown());
}

Rule::Rule(const std::string& text, rule::Expect expect, bool with_context)
    : Rule(*rule::Expand(*rule::Parse(text), SavedDefinitions()), expect, with_context) {}

Rule::Rule(const rule::Expr& expanded, rule::Expect expect, bool with_context)
    : compiled_(std::make_unique<Compiled>(CompileText(expanded, expect, with_context))) {}

Rule::Rule(std::shared_ptr<const CompiledText> text)
    : compiled_(std::make_unique<Compiled>(std::move(text))) {}

Rule Rule::OfStored(const std::string& text) {
    const auto found = known_rules.find(text);
    if (found != known_rules.end()) {
        found->second.asked = known_round;
        return Rule(found->second.text);
    }
    auto compiled = CompileText(*rule::ParseStored(text), rule::Expect::kBoolean, false);
    known_rules.emplace(text, KnownRule{compiled, known_round});
    return Rule(std::move(compiled));
}

void Rule::ForgetUnusedStored() {
    std::erase_if(known_rules, [](const auto& one) { return one.second.asked != known_round; });
    ++known_round;
}

Rule::~Rule() = default;
Rule::Rule(Rule&&) noexcept = default;
Rule& Rule::operator=(Rule&&) noexcept = default;

const rule::ProfileRule& Rule::rule() const {
    return compiled_->rule;
}

pg::Expression& Rule::Compiled::Value() {
    if (!value) value = MakeExpression("(" + rule.sql + ")", types);
    return *value;
}

pg::Expression& Rule::Compiled::Until() {
    if (!until)
        until = MakeExpression("(" + (rule.until.empty() ? "NULL" : rule.until) + ")::timestamptz", types);
    return *until;
}

pg::Expression& Rule::Compiled::Json() {
    if (!json) json = MakeExpression("to_jsonb((" + rule.sql + ")::" + rule.sql_type + ")", types);
    return *json;
}

const std::vector<size_t>& Rule::Compiled::MetricIndexes(const Program& current) {
    if (program == current.number) return places;
    places.clear();
    for (const std::string& metric : metrics) places.push_back(current.IndexOf(metric));
    readers.resize(metrics.size());
    program = current.number;
    return places;
}

}  // namespace pulse::trait
