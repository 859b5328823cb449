#include "pulse/diagnosis/clauses.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <limits>
#include <optional>
#include <set>

#include "pulse/base/error.hpp"
#include "pulse/diagnosis/text.hpp"
#include "pulse/rule/parser.hpp"
#include "pulse/rule/print.hpp"
#include "pulse/rule/profile.hpp"
#include "pulse/rule/profile_scope.hpp"

namespace pulse::diagnosis {

namespace {

using rule::Expr;
using rule::Op;

constexpr double kInfinite = std::numeric_limits<double>::infinity();

rule::ExprPtr TryParse(const std::string& text) {
    try {
        return rule::Parse(text);
    } catch (const UserError&) {
        return nullptr;  // text of an older grammar, or not a rule
    }
}

void Collect(const Expr& expr, std::vector<std::string>& columns) {
    if (const auto* reference = rule::As<rule::Reference>(expr)) {
        std::string name;
        for (const std::string& part : reference->path) name += (name.empty() ? "" : ".") + part;
        if (std::find(columns.begin(), columns.end(), name) == columns.end()) columns.push_back(name);
    }
    for (const rule::ExprPtr& operand : rule::OperandsOf(expr)) Collect(*operand, columns);
}

bool ReadsEvents(const Expr& expr) {
    if (rule::As<rule::Metric>(expr)) return true;
    // last_seen_minutes_ago and similar functions read events.
    if (const auto* reference = rule::As<rule::Reference>(expr))
        return rule::FindBuiltin(*reference) != nullptr;
    return std::ranges::any_of(rule::OperandsOf(expr),
                               [](const rule::ExprPtr& operand) { return ReadsEvents(*operand); });
}

// The values that a simple clause accepts: an interval of numbers, or a set of values. Each end may be open.
struct Passes {
    std::string subject;
    double low = -kInfinite, high = kInfinite;
    bool low_open = false, high_open = false;
    std::optional<std::set<std::string>> values;
    bool excluded = false;  // everything but `values`
};

std::optional<double> Quantity(const Expr& expr) {
    if (const auto* number = rule::As<rule::Number>(expr))
        return std::strtod(number->digits.c_str(), nullptr);
    if (const auto* duration = rule::As<rule::Duration>(expr)) return static_cast<double>(duration->seconds);
    return std::nullopt;
}

void TakeList(const Expr& expr, Passes& passes) {
    passes.values.emplace();
    if (const auto* list = rule::As<rule::List>(expr))
        for (const auto& item : list->items) passes.values->insert(rule::Print(*item));
    else
        passes.values->insert(rule::Print(expr));
}

std::optional<Passes> AcceptedValues(const Expr& expr) {
    if (const auto* negated = rule::AsOp(expr, Op::kNot)) {
        auto passes = AcceptedValues(*negated->operands.front());
        if (!passes || !passes->values) return std::nullopt;
        passes->excluded = !passes->excluded;
        return passes;
    }
    const auto* operation = rule::As<rule::Operation>(expr);
    if (!operation || operation->operands.size() < 2) return std::nullopt;
    Passes passes;
    passes.subject = rule::Print(*operation->operands[0]);
    const Expr& right = *operation->operands[1];
    const std::optional<double> limit = Quantity(right);
    switch (operation->op) {
        case Op::kLess:
        case Op::kLessEqual:
        case Op::kWithinLast:
            if (!limit) return std::nullopt;
            passes.high = *limit;
            passes.high_open = operation->op == Op::kLess;
            return passes;
        case Op::kGreater:
        case Op::kGreaterEqual:
        case Op::kBeforeLast:
            if (!limit) return std::nullopt;
            passes.low = *limit;
            passes.low_open = operation->op == Op::kGreater;
            return passes;
        case Op::kBetween: {
            const auto high =
                operation->operands.size() > 2 ? Quantity(*operation->operands[2]) : std::nullopt;
            if (!limit || !high) return std::nullopt;
            passes.low = *limit;
            passes.high = *high;
            return passes;
        }
        case Op::kEqual:
        case Op::kIn:
        case Op::kNotEqual:
            TakeList(right, passes);
            passes.excluded = operation->op == Op::kNotEqual;
            return passes;
        default: return std::nullopt;
    }
}

bool IntervalWithin(const Passes& inner, const Passes& outer) {
    const bool low = inner.low > outer.low || (inner.low == outer.low && (inner.low_open || !outer.low_open));
    const bool high =
        inner.high < outer.high || (inner.high == outer.high && (inner.high_open || !outer.high_open));
    return low && high;
}

bool Within(const Passes& inner, const Passes& outer) {
    if (inner.values.has_value() != outer.values.has_value()) return false;
    if (!inner.values) return IntervalWithin(inner, outer);
    const auto includes = [](const std::set<std::string>& all, const std::set<std::string>& some) {
        return std::includes(all.begin(), all.end(), some.begin(), some.end());
    };
    if (!inner.excluded && !outer.excluded) return includes(*outer.values, *inner.values);
    if (inner.excluded && outer.excluded) return includes(*inner.values, *outer.values);
    return false;
}

ClauseEffect Compare(const std::string& before, const std::string& after) {
    const auto b = TryParse(before), a = TryParse(after);
    if (!b || !a) return ClauseEffect::kChanged;
    const auto old_passes = AcceptedValues(*b), new_passes = AcceptedValues(*a);
    if (!old_passes || !new_passes || old_passes->subject != new_passes->subject)
        return ClauseEffect::kChanged;
    if (Within(*new_passes, *old_passes)) return ClauseEffect::kTightened;
    if (Within(*old_passes, *new_passes)) return ClauseEffect::kLoosened;
    return ClauseEffect::kChanged;
}

bool Contains(const std::vector<std::string>& list, const std::string& text) {
    return std::find(list.begin(), list.end(), text) != list.end();
}

}  // namespace

std::vector<std::string> ColumnsOf(const std::string& clause) {
    std::vector<std::string> columns;
    if (const auto expr = TryParse(clause)) Collect(*expr, columns);
    return columns;
}

ReadsOfPeople FindReadsOfPeople(const std::string& clause) {
    const auto expr = TryParse(clause);
    if (!expr) return {};
    rule::ReferencedNames mentions = rule::FindReferencedNames(*expr);
    return {std::move(mentions.traits), std::move(mentions.segments), ReadsEvents(*expr)};
}

bool MatchesValues(const std::string& clause) {
    const auto expr = TryParse(clause);
    if (!expr) return false;
    const auto* operation = rule::As<rule::Operation>(*expr);
    if (!operation) return false;
    switch (operation->op) {
        case Op::kEqual:
        case Op::kIn:
        case Op::kContains:
        case Op::kStartsWith:
        case Op::kEndsWith:
        case Op::kMatches: return true;
        default: return false;
    }
}

std::vector<std::string> NamedValues(const std::string& clause) {
    std::vector<std::string> values;
    const auto expr = TryParse(clause);
    const auto* operation = expr ? rule::As<rule::Operation>(*expr) : nullptr;
    if (!operation || operation->operands.size() != 2 ||
        (operation->op != Op::kEqual && operation->op != Op::kIn))
        return values;
    const auto take = [&](const Expr& item) {
        if (const auto* text = rule::As<rule::Text>(item)) values.push_back(text->value);
    };
    const Expr& right = *operation->operands[1];
    take(right);
    if (const auto* list = rule::As<rule::List>(right))
        for (const auto& item : list->items) take(*item);
    return values;
}

std::vector<ClauseChange> CompareRules(const std::vector<std::string>& before,
                                       const std::vector<std::string>& after) {
    std::vector<std::string> gone;
    for (const std::string& clause : before)
        if (!Contains(after, clause)) gone.push_back(clause);
    std::vector<ClauseChange> changes;
    for (const std::string& clause : after) {
        if (Contains(before, clause)) continue;
        ClauseChange change{"", clause, ClauseEffect::kTightened, ColumnsOf(clause)};
        for (auto it = gone.begin(); it != gone.end(); ++it) {
            if (change.columns.empty() || ColumnsOf(*it) != change.columns) continue;
            change.before = *it;
            change.effect = Compare(*it, clause);
            gone.erase(it);
            break;
        }
        changes.push_back(std::move(change));
    }
    for (const std::string& clause : gone)
        changes.push_back({clause, "", ClauseEffect::kLoosened, ColumnsOf(clause)});
    return changes;
}

std::string RuleName(const std::vector<std::string>& columns) {
    if (columns.empty()) return "rule";
    std::string lower;
    for (const char c : columns.front())
        lower += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    for (const char* word :
         {"last_active", "last_seen", "last_login", "last_visit", "last_order", "last_purchase", "inactiv",
          "activity", "active_days", "recency", "days_ago", "days_since"})
        if (lower.find(word) != std::string::npos) return "inactivity rule";
    return "rule on " + Short(columns.front(), 40);
}

}  // namespace pulse::diagnosis
