#include "pulse/rule/profile.hpp"

#include <algorithm>
#include <map>

#include "pulse/base/error.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/rule/literal.hpp"
#include "pulse/rule/print.hpp"
#include "pulse/rule/profile_scope.hpp"
#include "pulse/rule/compiled_value.hpp"

namespace pulse::rule {

namespace {

constexpr size_t kMaxNodes = 100'000;    // of an expanded tree
constexpr size_t kMaxRepeated = 10'000;  // of them, those of names that were expanded before

// The same node with other operands.
ExprPtr Over(const Expr& expr, std::vector<ExprPtr> operands) {
    if (const Elements* elements = As<Elements>(expr))
        return Make(Elements{elements->all, operands.front(), elements->condition}, expr.position);
    if (const Call* call = As<Call>(expr))
        return MakeCall(call->function, std::move(operands), expr.position);
    return MakeOperation(As<Operation>(expr)->op, std::move(operands), expr.position);
}

// The conditions on events and elements.
std::vector<const Expr*> ConditionsIn(const Expr& expr) {
    std::vector<const Expr*> conditions;
    if (const Elements* elements = As<Elements>(expr)) conditions.push_back(elements->condition.get());
    if (const Metric* metric = As<Metric>(expr)) {
        if (metric->filter) conditions.push_back(metric->filter.get());
        for (const SequenceStep& step : metric->steps)
            if (step.filter) conditions.push_back(step.filter.get());
    }
    return conditions;
}

// Replaces names by their definitions; each definition is expanded once.
class Expander {
  public:
    Expander(const Definitions& definitions, const std::string& self) : definitions_(definitions) {
        if (!self.empty()) way_.push_back(self);
    }

    struct ExpandedRule {
        ExprPtr expr;
        size_t nodes;
    };

    ExpandedRule Expand(const ExprPtr& expr) {
        if (const Reference* reference = As<Reference>(*expr)) return Named(*reference, expr);
        std::vector<ExprPtr> expanded;
        size_t nodes = 1;
        bool changed = false;
        for (const ExprPtr& operand : OperandsOf(*expr)) {
            ExpandedRule tree = Expand(operand);
            nodes += tree.nodes;
            if (nodes > kMaxNodes) TooLarge();
            changed = changed || tree.expr != operand;
            expanded.push_back(std::move(tree.expr));
        }
        return {changed ? Over(*expr, std::move(expanded)) : expr, nodes};
    }

  private:
    [[noreturn]] void TooLarge() const {
        throw UserError(
            sqlstate::kProgramLimit, "rule is too complex",
            "With the traits and segments it names it has more than " + std::to_string(kMaxNodes) + " parts.",
            "Use fewer definitions that use one another many times.");
    }

    // Each repetition is compiled and evaluated again, in every session.
    [[noreturn]] void TooRepetitive() const {
        throw UserError(sqlstate::kProgramLimit, "rule repeats definitions too often",
                        "The traits and segments that it names again add more than " +
                            std::to_string(kMaxRepeated) + " parts.",
                        "Name each of them once, for example by 4 * x instead of x + x + x + x.");
    }

    ExpandedRule Named(const Reference& reference, const ExprPtr& expr) {
        if (const std::string macro = MacroOf(reference); !macro.empty()) {
            const ExprPtr tree = definitions_.FindMacro(macro, expr->position);
            return tree ? Defined(
                              "macro " + macro, *expr, [&] { return tree; }, false)
                        : ExpandedRule{expr, 1};
        }
        const std::string* trait = TraitOf(reference);
        const bool segment = reference.kind == Reference::Kind::kSegment;
        if (!trait && !segment) return {expr, 1};
        const std::string& key = reference.path[0];
        return Defined((segment ? "segment " : "trait ") + key, *expr,
                       [&] { return Find(reference, key, *expr); }, segment);
    }

    // The expansion of what stands behind a name, once.
    template <typename FindTree>
    ExpandedRule Defined(const std::string& name, const Expr& expr, FindTree find, bool segment) {
        if (const auto known = known_.find(name); known != known_.end()) {
            repeated_ += known->second.nodes;
            if (repeated_ > kMaxRepeated) TooRepetitive();
            return known->second;
        }
        RequireNoCycle(name, expr);
        way_.push_back(name);
        ExpandedRule tree = Expand(find());
        way_.pop_back();
        // A person whose membership is unknown is not a member; that of a static segment is known.
        const Metric* metric = As<Metric>(*tree.expr);
        if (segment && !(metric && metric->aggregate == Aggregate::kStatic))
            tree = {
                MakeOperation(Op::kCoalesce, {tree.expr, Make(Boolean{false}, expr.position)}, expr.position),
                tree.nodes + 2};
        return known_.emplace(name, tree).first->second;
    }

    ExprPtr Find(const Reference& reference, const std::string& key, const Expr& expr) const {
        const bool segment = reference.kind == Reference::Kind::kSegment;
        try {
            return definitions_.Find(segment ? Reference::Kind::kSegment : Reference::Kind::kTrait, key,
                                     expr.position);
        } catch (const UserError& error) {
            // A bare name may be meant as something else.
            if (reference.kind != Reference::Kind::kPath || error.state() != sqlstate::kUndefinedObject)
                throw;
            const std::string meant = "An attribute is written profile." + PrintName(key) +
                                      ", a text in quotes: \"" + Shorten(key, 40) + "\".",
                              table =
                                  " A rule over a table needs its name: \"from\" in the definition of a "
                                  "segment, or the second argument of pulse_validate_rule(). ";
            throw UserError(sqlstate::kUndefinedObject, error.message(), error.detail(),
                            error.hint().starts_with("Did you mean") ? error.hint() + " " + meant
                                                                     : meant + table + error.hint());
        }
    }

    void RequireNoCycle(const std::string& name, const Expr& expr) const {
        const auto again = std::find(way_.begin(), way_.end(), name);
        if (again != way_.end()) {
            std::string round;
            for (auto step = again; step != way_.end(); ++step) round += *step + " → ";
            throw UserError(sqlstate::kInvalidDefinition, "circular definitions" + AtPosition(expr),
                            "The cycle is " + round + name + ".",
                            "Take one of them out of the other's definition.");
        }
        if (way_.size() > kMaxNesting)
            throw UserError(sqlstate::kProgramLimit, "definitions are nested too deeply" + AtPosition(expr),
                            "Below " + way_.front() + " they are nested more than " +
                                std::to_string(kMaxNesting) + " levels deep.",
                            "Write out some of the definitions in the middle.");
    }

    const Definitions& definitions_;
    std::vector<std::string> way_;
    std::map<std::string, ExpandedRule> known_;
    size_t repeated_ = 0;
};

void Mention(const Expr& expr, ReferencedNames& names) {
    const auto add = [](std::vector<std::string>& names, const std::string& name) {
        if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    };
    if (const Reference* reference = As<Reference>(expr)) {
        if (const std::string* trait = TraitOf(*reference)) add(names.traits, *trait);
        if (reference->kind == Reference::Kind::kSegment) add(names.segments, reference->path[0]);
        if (const std::string macro = MacroOf(*reference); !macro.empty()) add(names.macros, macro);
    }
    for (const ExprPtr& operand : OperandsOf(expr)) Mention(*operand, names);
}

void AddPatterns(const Expr& expr, std::vector<std::string>& patterns) {
    if (const Operation* matches = AsOp(expr, Op::kMatches))
        if (const Text* pattern = As<Text>(*matches->operands[1]))
            patterns.push_back(RegularExpression(pattern->value));
    for (const Expr* condition : ConditionsIn(expr)) AddPatterns(*condition, patterns);
    for (const ExprPtr& operand : OperandsOf(expr)) AddPatterns(*operand, patterns);
}

bool IsArithmetic(Op op) {
    return op == Op::kAdd || op == Op::kSubtract || op == Op::kMultiply || op == Op::kDivide ||
           op == Op::kModulo;
}

bool CanFail(const Expr& expr) {
    const Operation* operation = As<Operation>(expr);
    if (operation && IsArithmetic(operation->op)) return true;
    return std::ranges::any_of(ConditionsIn(expr), [](const Expr* part) { return CanFail(*part); }) ||
           std::ranges::any_of(OperandsOf(expr), [](const ExprPtr& part) { return CanFail(*part); });
}

bool IsConstant(const Expr& expr) {
    const Call* call = As<Call>(expr);
    return As<Null>(expr) || As<Boolean>(expr) || As<Number>(expr) || As<Text>(expr) || As<Duration>(expr) ||
           As<List>(expr) || (call && call->function == Function::kNow);
}

void AddSubExpressions(const ExprPtr& expr, int depth, std::vector<SubExpression>& parts) {
    parts.push_back({Print(*expr), depth, expr});
    const std::span<const ExprPtr> operands = OperandsOf(*expr);
    // days_since(last_seen) is printed as last_seen_days_ago, so it is one leaf.
    const Call* call = As<Call>(*expr);
    if (call && !operands.empty()) {
        const Metric* metric = As<Metric>(*operands.front());
        if (metric && !TimeSinceName(metric->aggregate, call->function).empty()) return;
    }
    for (const ExprPtr& operand : operands)
        if (!IsConstant(*operand)) AddSubExpressions(operand, depth + 1, parts);
}

}  // namespace

ExprPtr Expand(const Expr& expr, const Definitions& definitions, const std::string& self) {
    return Expander(definitions, self).Expand(std::make_shared<const Expr>(expr)).expr;
}

ReferencedNames FindReferencedNames(const Expr& expr) {
    ReferencedNames names;
    Mention(expr, names);
    return names;
}

std::vector<std::string> FindPatterns(const Expr& expr) {
    std::vector<std::string> patterns;
    AddPatterns(expr, patterns);
    return patterns;
}

ProfileRule CompileProfile(const Expr& expr, const ProfileNames& names, Expect expect,
                           const std::string& now_sql) {
    const ProfileScope scope(names);
    Compiled compiled = Compile(expr, scope, expect, now_sql);
    return {.text = std::move(compiled.text),
            .sql = std::move(compiled.sql),
            .can_fail = CanFail(expr),
            .type = compiled.type,
            .sql_type = std::move(compiled.sql_type),
            .until = std::move(compiled.until),
            .clauses = std::move(compiled.clauses),
            .metrics = std::move(scope.metrics),
            .attributes = std::move(scope.attributes),
            .account_attributes = std::move(scope.account_attributes)};
}

std::vector<SubExpression> SubExpressions(const ExprPtr& expr) {
    std::vector<SubExpression> parts;
    AddSubExpressions(expr, 0, parts);
    return parts;
}

}  // namespace pulse::rule
