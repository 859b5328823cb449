// Checks of a rule against the database.
#include <algorithm>

#include <nlohmann/json.hpp>

#include "pulse/base/json.hpp"
#include "pulse/base/error.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/pg/error.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/profile/store_consent.hpp"
#include "pulse/rule/profile.hpp"
#include "pulse/rule/store.hpp"
#include "pulse/trait/macro.hpp"
#include "pulse/trait/store_definition.hpp"

namespace pulse::trait {

namespace {

using pg::Value;

// Names of received events.
std::vector<std::string> KnownEvents() {
    const pg::Result rows =
        pg::Execute("SELECT event FROM pulse.event_catalog ORDER BY events DESC, event LIMIT 1000", {}, true);
    std::vector<std::string> names;
    for (uint64_t i = 0; i < rows.size(); ++i) names.push_back(rows[i].Text(0));
    return names;
}

bool IsIn(const std::vector<std::string>& list, const std::string& name) {
    return std::find(list.begin(), list.end(), name) != list.end();
}

void WarnOfUnknownEvents(const RuleReferences& reads, const std::vector<std::string>& known) {
    for (const std::string& event : reads.events)
        if (!event.empty() && !IsIn(known, event))
            pg::Notice("event \"" + event + "\" has not been received yet",
                       SuggestName(event, known, "Events received so far"));
}

class WithoutMacros : public rule::Definitions {
  public:
    rule::ExprPtr Find(rule::Reference::Kind kind, const std::string& key, size_t position) const override {
        return SavedDefinitions().Find(kind, key, position);
    }
};

std::string Examples(const pg::Json& examples) {
    std::string text;
    for (const pg::Json& example : examples) text += (text.empty() ? "" : ", ") + DumpJson(example);
    return text;
}

void WarnOfUnknownProperties(const RuleReferences& reads, const std::vector<std::string>& known) {
    for (const auto& [event, property] : reads.properties) {
        if (!IsIn(known, event)) continue;
        const pg::Result rows = pg::Execute(
            "SELECT property, type, examples FROM pulse.property_catalog WHERE event = $1 ORDER BY property",
            {Value::Text(event)}, true);
        // The catalogue knows properties by their first name.
        const std::string first = property.substr(0, property.find('.'));
        std::vector<std::string> names;
        for (uint64_t i = 0; i < rows.size(); ++i) {
            names.push_back(rows[i].Text(0));
            if (names.back() != property || rows[i].IsNull(1) || rows[i].Text(1) == "number") continue;
            if (std::find(reads.numbers.begin(), reads.numbers.end(), std::pair(event, property)) !=
                reads.numbers.end())
                pg::Notice("property \"" + property + "\" of event \"" + event +
                               "\" is usually not a number; other values are ignored",
                           "It is " + rows[i].Text(1) + ", for example " + Examples(rows[i].Jsonb(2)) + ".");
        }
        if (!IsIn(names, first) && !IsIn(names, property))
            pg::Notice(
                "event \"" + event + "\" never had a property \"" + property + "\"",
                names.empty() ? "It never had a property." : SuggestName(first, names, "Its properties"));
    }
}

// Two values that are compared by their order, of which only one is a time: the result is unknown.
void WarnOfTimesAndOthers(const RuleReferences& reads) {
    for (const RuleReferences::Order& order : reads.orders) {
        const pg::Result rows = pg::Execute(
            "SELECT property, type, examples FROM pulse.property_catalog WHERE event = $1"
            " AND property IN ($2, $3) AND type IS NOT NULL ORDER BY type <> 'timestamp'",
            {Value::Text(order.event), Value::Text(order.left), Value::Text(order.right)}, true);
        if (rows.size() != 2 || rows[0].Text(1) != "timestamp" || rows[1].Text(1) == "timestamp" ||
            rows[1].Text(1) == "number")
            continue;
        pg::Notice("\"" + rows[0].Text(0) + "\" is usually a time and \"" + rows[1].Text(0) +
                       "\" is not: comparing them is unknown",
                   "\"" + rows[1].Text(0) + "\" is " + rows[1].Text(1) + ", for example " +
                       Examples(rows[1].Jsonb(2)) + ".");
    }
}

// Warns of a text, or of texts in a list, that a macro never is.
void WarnOfTexts(const rule::Expr& side, const std::string& macro, const std::vector<std::string>& values) {
    if (const auto* list = rule::As<rule::List>(side))
        for (const rule::ExprPtr& item : list->items) WarnOfTexts(*item, macro, values);
    const auto* text = rule::As<rule::Text>(side);
    if (text && !IsIn(values, text->value))
        pg::Notice(macro + " is never \"" + text->value + "\"",
                   SuggestName(text->value, values, "Its values"));
}

// Such a comparison is false for everybody, which nobody means.
void WarnOfUnknownValues(const rule::Expr& expr) {
    const auto* operation = rule::As<rule::Operation>(expr);
    const bool compares =
        operation && (operation->op == rule::Op::kEqual || operation->op == rule::Op::kNotEqual ||
                      operation->op == rule::Op::kIn);
    for (const rule::ExprPtr& operand : rule::OperandsOf(expr)) {
        const auto* reference = compares ? rule::As<rule::Reference>(*operand) : nullptr;
        const std::string macro = reference ? rule::MacroOf(*reference) : "";
        const std::vector<std::string> values = MacroValues(macro);
        if (!values.empty())
            for (const rule::ExprPtr& side : operation->operands) WarnOfTexts(*side, macro, values);
        WarnOfUnknownValues(*operand);
    }
}

}  // namespace

Rule CheckRule(const rule::Expr& tree, rule::Expect expect, const std::string& self) {
    return Rule(*rule::Expand(tree, SavedDefinitions(), self), expect, false);
}

rule::ExprPtr ExpandWithoutMacros(const rule::Expr& tree) {
    return rule::Expand(tree, WithoutMacros());
}

void CheckReferences(const rule::Expr& expanded) {
    const RuleReferences reads = FindReferences(expanded);
    rule::CheckPatterns(expanded);
    for (const std::string& purpose : reads.purposes) profile::RequirePurpose(purpose);
    WarnOfUnknownValues(expanded);
    WarnOfTimesAndOthers(reads);
    if (reads.events.empty()) return;
    const std::vector<std::string> known = KnownEvents();
    // Without received events there is nothing to compare with.
    if (known.empty()) return;
    WarnOfUnknownEvents(reads, known);
    WarnOfUnknownProperties(reads, known);
}

}  // namespace pulse::trait
