#include "pulse/rule/json.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "pulse/base/error.hpp"
#include "pulse/base/json.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/rule/json_stratum.hpp"
#include "pulse/rule/literal.hpp"
#include "pulse/rule/operators.hpp"
#include "pulse/rule/parser.hpp"
#include "pulse/rule/print.hpp"

namespace pulse::rule {

namespace {

using Json = nlohmann::json;

// A rule has no position in a text; errors name the place in the document instead, e.g. groups[0].rules[2].
constexpr size_t kNoPosition = 0;

constexpr const char* kShapeHint =
    "A JSON rule is {\"rules\": [{\"field\": \"ltv\", \"operator\": \">\", \"value\": 1000}], "
    "\"logicalOperator\": \"AND\", "
    "\"groups\": [{\"rules\": …}]}; logicalOperator (AND or OR) and groups may be left out.";
constexpr const char* kElementsShape =
    "Give a rule about one element, such as {\"rules\": [{\"field\": \"os\", \"operator\": \"=\", \"value\": "
    "\"ios\"}]}; the field \"$\" is the element itself.";

// A short form of a value for a message. Objects and lists are omitted: they may be huge.
std::string Abbreviate(const Json& value) {
    if (value.is_structured()) return value.is_array() ? "a list" : "an object";
    return Shorten(DumpJson(value), 60);
}

[[noreturn]] void Fail(const std::string& place, const std::string& problem, const std::string& hint) {
    throw UserError(sqlstate::kInvalidParameter, "invalid JSON rule" + (place.empty() ? "" : " at " + place),
                    problem + ".", hint);
}

std::string Checked(const std::string& text, const std::string& place) {
    if (ValidUtf8(text) != text.size())
        throw UserError(sqlstate::kInvalidEncoding, "rule is not valid UTF-8 text at " + place,
                        "A text contains a NUL or invalid bytes.", "Send the rule in UTF-8.");
    return text;
}

// Whether a field is a quoted name or a function call, as rule text writes it.
bool IsQuotedOrCall(const std::string& field) {
    if (field.starts_with("[\"") || field.starts_with('`')) return true;
    const size_t open = field.find('(');
    if (open == std::string::npos || !field.ends_with(')')) return false;
    const std::string name = field.substr(0, open);
    return name == "trait" || name == "segment" || name == "sequence" || FindFunction(name) ||
           EqualsIgnoringCase(name, "coalesce") || EqualsIgnoringCase(name, "any") ||
           EqualsIgnoringCase(name, "all");
}

// Whether a field is written as in rule text; of an element also a path such as address.city. Otherwise it is
// a column's name, or a property's, as it is.
bool IsRuleText(const std::string& field, bool of_element) {
    constexpr std::array<std::string_view, 8> kPrefixes = {"profile.", "profile[", "account.", "account[",
                                                           "context.", "context[", "events.",  "events["};
    if (IsQuotedOrCall(field)) return true;
    if (of_element) return field == "$" || field.find('.') != std::string::npos;
    return std::ranges::any_of(kPrefixes, [&](std::string_view prefix) { return field.starts_with(prefix); });
}

// The field of a condition.
ExprPtr Field(const Json& rule, const std::string& place, bool of_element) {
    const auto field = rule.find("field");
    if (field == rule.end() || !field->is_string() || field->get_ref<const std::string&>().empty())
        Fail(place, "\"field\" must be the name of a column", kShapeHint);
    const std::string name = Checked(field->get<std::string>(), place + ".field");
    if (IsRuleText(name, of_element)) return ParseField(name, of_element);
    return Make(Reference{Reference::Kind::kPath, {name}}, kNoPosition);
}

ExprPtr Scalar(const Json& value, const std::string& place) {
    if (value.is_string()) return Make(Text{Checked(value.get<std::string>(), place)}, kNoPosition);
    if (value.is_boolean()) return Make(Boolean{value.get<bool>()}, kNoPosition);
    if (value.is_number()) {
        if (auto number = NormalizeNumber(DumpJson(value))) return Make(Number{*number}, kNoPosition);
        throw UserError(sqlstate::kNumberOutOfRange, "number out of range in JSON rule at " + place,
                        "The value is " + Abbreviate(value) + ".", "Numbers lie between 1e-300 and 1e300.");
    }
    Fail(place, "The value is " + Abbreviate(value), "Give a number, a text, true or false.");
}

std::vector<ExprPtr> Scalars(const Json& value, const std::string& place) {
    if (!value.is_array())
        Fail(place, "The value is " + Abbreviate(value),
             "Give a list of values, such as [\"free\", \"pro\"].");
    std::vector<ExprPtr> items;
    for (size_t i = 0; i < value.size() && i <= kMaxList; ++i) {
        const std::string where = place + "[" + std::to_string(i) + "]";
        if (value[i].is_null())
            Fail(where, "A list cannot contain null", "Add a rule with is_null in a group joined by OR.");
        items.push_back(Scalar(value[i], where));
    }
    return items;
}

// Values, or {"trait": "vip_plans"}: a list that several rules share.
ExprPtr ListOrItsName(const Json& value, const std::string& place) {
    if (value.is_object() && value.size() == 1)
        if (const auto name = value.find("trait"); name != value.end() && name->is_string())
            return Make(Reference{Reference::Kind::kTrait, {Checked(name->get<std::string>(), place)}},
                        kNoPosition);
    return Make(List{Scalars(value, place)}, kNoPosition);
}

// "7d", {"days": 7} or a number of days.
ExprPtr Span(const Json& value, const std::string& place) {
    constexpr std::array<std::pair<const char*, char>, 5> kUnits = {
        {{"weeks", 'w'}, {"days", 'd'}, {"hours", 'h'}, {"minutes", 'm'}, {"seconds", 's'}}};
    std::string text;
    if (value.is_string()) text = value.get<std::string>();
    if (value.is_number()) text = NormalizeNumber(DumpJson(value)).value_or("") + "d";
    if (value.is_object() && value.size() == 1)
        for (const auto& [unit, letter] : kUnits)
            if (auto count = value.find(unit); count != value.end() && count->is_number())
                text = NormalizeNumber(count->dump()).value_or("") + letter;
    if (auto seconds = ParseDuration(text)) return Make(Duration{*seconds}, kNoPosition);
    Fail(place, "The value is " + Abbreviate(value),
         "Give a duration such as \"7d\" (units w, d, h, m, s), {\"days\": 7}, or a whole number of days.");
}

ExprPtr Compare(Op op, ExprPtr field, const Json* value, const std::string& place) {
    if (op == Op::kIsNull) {
        if (value && !value->is_null())
            Fail(place, "The operator takes no value, but the value is " + Abbreviate(*value),
                 "Leave \"value\" out.");
        return MakeOperation(op, {std::move(field)}, kNoPosition);
    }
    if (!value) Fail(place, "\"value\" is missing", kShapeHint);
    switch (op) {
        case Op::kIn:
        case Op::kContainsAny:
        case Op::kContainsAll:
            return MakeOperation(op, {std::move(field), ListOrItsName(*value, place)}, kNoPosition);
        case Op::kWithinLast:
        case Op::kBeforeLast: return MakeOperation(op, {std::move(field), Span(*value, place)}, kNoPosition);
        case Op::kBetween: {
            std::vector<ExprPtr> ends = Scalars(*value, place);
            if (ends.size() != 2)
                Fail(place, "The list has " + std::to_string(ends.size()) + " values",
                     "Give the lower and the upper end, such as [10, 20].");
            return MakeOperation(op, {std::move(field), ends[0], ends[1]}, kNoPosition);
        }
        case Op::kEqual:
        case Op::kNotEqual:
            if (value->is_null())
                return MakeOperation(op, {std::move(field), Make(Null{}, kNoPosition)}, kNoPosition);
            if (value->is_array())
                return MakeOperation(op, {std::move(field), Make(List{Scalars(*value, place)}, kNoPosition)},
                                     kNoPosition);
            [[fallthrough]];
        default: return MakeOperation(op, {std::move(field), Scalar(*value, place)}, kNoPosition);
    }
}

ExprPtr Group(const Json& group, const std::string& place, size_t level, bool of_element);

// {"operator": "any", "value": {"rules": …}}: a condition on the elements of a list.
struct ElementsOperator {
    std::string_view name;
    bool all, negated;
};
constexpr std::array<ElementsOperator, 4> kElementsOperators = {
    {{"any", false, false}, {"not_any", false, true}, {"all", true, false}, {"not_all", true, true}}};

const ElementsOperator* FindElementsOperator(std::string_view name) {
    const auto found = std::ranges::find_if(kElementsOperators, [&](const ElementsOperator& known) {
        return EqualsIgnoringCase(known.name, name);
    });
    return found == kElementsOperators.end() ? nullptr : found;
}

ExprPtr OverElements(const ElementsOperator& op, ExprPtr field, const Json* value, const std::string& place,
                     size_t level) {
    if (!value) Fail(place, "\"value\" is missing", kElementsShape);
    if (!value->is_object()) Fail(place, "The value is " + Abbreviate(*value), kElementsShape);
    ExprPtr expr =
        Make(Elements{op.all, std::move(field), Group(*value, place, level + 1, true)}, kNoPosition);
    return op.negated ? MakeOperation(Op::kNot, {std::move(expr)}, kNoPosition) : expr;
}

ExprPtr Condition(const Json& rule, const std::string& place, size_t level, bool of_element) {
    if (!rule.is_object()) Fail(place, "A rule must be an object, not " + Abbreviate(rule), kShapeHint);
    for (const auto& [key, unused] : rule.items())
        if (key != "field" && key != "operator" && key != "value")
            Fail(place, "Unknown key \"" + Shorten(key, 60) + "\"",
                 "Keys of a rule are field, operator and value.");
    ExprPtr field = Field(rule, place, of_element);
    const auto name = rule.find("operator"), value = rule.find("value");
    const Json* const operand = value == rule.end() ? nullptr : &*value;
    const std::string word = name != rule.end() && name->is_string() ? name->get<std::string>() : "";
    if (const ElementsOperator* elements = FindElementsOperator(word))
        return OverElements(*elements, std::move(field), operand, place + ".value", level);
    const auto found = FindJsonOperator(word);
    if (!found)
        Fail(place + ".operator",
             name == rule.end() ? "\"operator\" is missing" : "Unknown operator " + Abbreviate(*name),
             kJsonOperatorHint);
    ExprPtr expr = Compare(found->op, std::move(field), operand, place + ".value");
    return found->negated ? MakeOperation(Op::kNot, {std::move(expr)}, kNoPosition) : expr;
}

Op Connective(const Json& group, const std::string& place) {
    const auto name = group.find("logicalOperator");
    if (name == group.end()) return Op::kAnd;
    if (name->is_string()) {
        if (EqualsIgnoringCase(name->get_ref<const std::string&>(), "and")) return Op::kAnd;
        if (EqualsIgnoringCase(name->get_ref<const std::string&>(), "or")) return Op::kOr;
    }
    Fail(place, "\"logicalOperator\" is " + Abbreviate(*name), "Write \"AND\" or \"OR\".");
}

const Json& ListUnder(const Json& group, const char* key, const std::string& place) {
    static const Json kEmpty = Json::array();
    const auto list = group.find(key);
    if (list == group.end()) return kEmpty;
    if (!list->is_array()) Fail(place, std::string("\"") + key + "\" is " + Abbreviate(*list), kShapeHint);
    if (list->size() > kMaxList)
        throw UserError(sqlstate::kProgramLimit, "too many conditions in rule",
                        "There are " + std::to_string(list->size()) + "; at most " +
                            std::to_string(kMaxList) + " are allowed.",
                        "Use the operator \"in\" for alternatives of one column.");
    return *list;
}

ExprPtr Group(const Json& group, const std::string& place, size_t level, bool of_element) {
    if (level > kMaxDepth)
        throw UserError(sqlstate::kProgramLimit, "rule is nested too deeply",
                        "Groups may be nested " + std::to_string(kMaxDepth) + " levels deep.",
                        "Split the rule into several segments.");
    if (!group.is_object())
        Fail(place, "A group of rules must be an object, not " + Abbreviate(group), kShapeHint);
    for (const auto& [key, unused] : group.items())
        if (key != "rules" && key != "logicalOperator" && key != "groups")
            Fail(place, "Unknown key \"" + Shorten(key, 60) + "\"",
                 "Keys are rules, logicalOperator and groups.");
    const std::string inside = place.empty() ? "" : place + ".";
    std::vector<ExprPtr> operands;
    const Json& rules = ListUnder(group, "rules", place);
    for (size_t i = 0; i < rules.size(); ++i)
        operands.push_back(
            Condition(rules[i], inside + "rules[" + std::to_string(i) + "]", level, of_element));
    const Json& groups = ListUnder(group, "groups", place);
    for (size_t i = 0; i < groups.size(); ++i)
        operands.push_back(
            Group(groups[i], inside + "groups[" + std::to_string(i) + "]", level + 1, of_element));
    if (operands.empty())
        Fail(place, "There is no rule", "Give at least one rule; a segment of everybody has no rule at all.");
    return MakeOperation(Connective(group, place), std::move(operands), kNoPosition);
}

}  // namespace

ExprPtr FromJson(const nlohmann::json& json) {
    if (IsStratum(json)) return FromStratum(json);
    ExprPtr expr = Group(json, "", 1, false);
    RequireSize(*expr);
    return expr;
}

Json ReadJson(const std::string& text, const std::string& what, const std::string& hint) {
    try {
        return ParseJson(text);
    } catch (const Json::parse_error& error) {
        throw UserError(
            sqlstate::kInvalidText, "invalid JSON in " + what + " at position " + std::to_string(error.byte),
            "Near: " + Shorten(text.substr(error.byte > 30 ? std::min(error.byte - 30, text.size()) : 0), 60),
            hint);
    }
}

}  // namespace pulse::rule
