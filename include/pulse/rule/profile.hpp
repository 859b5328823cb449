// Rules about people: profile.*, account.*, context.*, events.*, traits and segments. Pure C++.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "pulse/rule/metric.hpp"

namespace pulse::rule {

// Resolves trait("x"), a bare name and segment("x").
class Definitions {
  public:
    virtual ~Definitions() = default;
    // The tree of a trait or of a profile segment's rule. Throws UserError 42704 with the nearest names when
    // there is none.
    virtual ExprPtr Find(Reference::Kind kind, const std::string& key, size_t position) const = 0;
    // The tree of a macro, such as rfm.group; nullptr if it is off. Throws UserError 42703 for a name that
    // does not exist.
    virtual ExprPtr FindMacro(const std::string&, size_t) const { return nullptr; }
};

// The macro that a name may be, whose tree a later room gives: "rfm.group", "lifecycle". Otherwise empty.
std::string MacroOf(const Reference& reference);

inline constexpr size_t kMaxNesting = 16;  // of definitions in one another

// Put the definitions in the place of their names, all the way down: a trait its expression, a macro its
// tree, a segment its rule, where unknown is false. Throws UserError 42P17 (invalid object definition) for a
// cycle, with the way round in the detail, beyond kMaxNesting, and when the result is too large. `self` is
// the name under which the rule will be saved, if any: "trait power_user".
ExprPtr Expand(const Expr& expr, const Definitions& definitions, const std::string& self = "");

// The names of traits, segments and macros that a rule mentions itself, not those in their definitions.
struct ReferencedNames {
    std::vector<std::string> traits, segments, macros;
};
ReferencedNames FindReferencedNames(const Expr& expr);

// The patterns of `matches`, also in filters of events, as PostgreSQL reads them.
std::vector<std::string> FindPatterns(const Expr& expr);

// SQL for what a profile rule reads. For a query: columns; for pg::Expression: parameters.
struct ProfileNames {
    std::string attributes;  // jsonb
    std::string account;     // jsonb
    std::string context;     // jsonb; empty: context.* is refused (only flags have one)
    std::function<std::string(size_t)>
        metric;  // the value of the n-th metric, counted from 0; unset: events.* is refused
};

// A compiled profile rule.
struct ProfileRule {
    std::string text;  // canonical, of the tree given
    std::string sql;   // over ProfileNames
    // Whether it computes with numbers. What could overflow is refused, so that nothing that is known makes
    // an evaluation fail; such a rule is evaluated apart nevertheless.
    bool can_fail = false;
    ValueType type = ValueType::kBoolean;
    std::string sql_type;
    // timestamptz over the same names: the first instant after now at which the value can change by the clock
    // alone while all metrics keep theirs; null: never. When a metric changes by the clock its own `until`
    // says.
    std::string until;
    std::vector<Clause> clauses;  // top-level conjuncts
    std::vector<Metric> metrics;  // each once, in order of first use
    std::vector<std::string> attributes,
        account_attributes;  // top-level keys of profile.* and account.* it reads, each once
};

// Compile an expanded tree. last_seen_minutes_ago, first_seen_days_ago and lifecycle are metrics of any event
// and attributes. A value of a property or attribute takes the type its other operand has; one of another
// type is null. Throws UserError.
ProfileRule CompileProfile(const Expr& expr, const ProfileNames& names, Expect expect,
                           const std::string& now_sql);

// One node of a rule, for showing how it comes to its value: text, depth, and the tree below it. In the order
// in which it reads.
struct SubExpression {
    std::string text;
    int depth;
    ExprPtr expr;
};
std::vector<SubExpression> SubExpressions(const ExprPtr& expr);

}  // namespace pulse::rule
