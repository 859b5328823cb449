#include "pulse/diagnosis/rewrite.hpp"

#include <algorithm>

#include "pulse/base/ascii.hpp"
#include "pulse/base/error.hpp"
#include "pulse/diagnosis/clauses.hpp"
#include "pulse/rule/compile.hpp"
#include "pulse/rule/parser.hpp"
#include "pulse/rule/print.hpp"
#include "pulse/segment/member_query.hpp"
#include "pulse/segment/request.hpp"

namespace pulse::diagnosis {

namespace {

using nlohmann::json;
using rule::ExprPtr;
using rule::Op;

std::optional<segment::AttributeKind> KindOf(const DiagnosisInput& input, const std::string& attribute) {
    for (const auto* snapshot : {&input.after, &input.before})
        if (*snapshot)
            for (const auto& distribution : (*snapshot)->attributes)
                if (distribution.attribute == attribute) return distribution.kind;
    return std::nullopt;
}

std::string TypeName(const DiagnosisInput& input, const std::string& attribute) {
    for (const auto* snapshot : {&input.after, &input.before})
        if (*snapshot)
            if (const auto found = (*snapshot)->columns.find(attribute); found != (*snapshot)->columns.end())
                return found->second;
    return "";
}

bool IsNumber(const std::string& text) {
    const size_t sign = !text.empty() && text[0] == '-' ? 1 : 0;
    return text.size() > sign && text.size() < 30 &&
           std::all_of(text.begin() + static_cast<long>(sign), text.end(), IsDigit);
}

// The label as a literal of the rule language for a column of that type; empty when it cannot be one.
std::optional<std::string> Literal(const std::string& label, rule::ValueType type) {
    switch (type) {
        case rule::ValueType::kText:
        case rule::ValueType::kEnum: return rule::Print(*rule::Make(rule::Text{label}, 0));
        case rule::ValueType::kNumber: return IsNumber(label) ? std::optional(label) : std::nullopt;
        case rule::ValueType::kBoolean:
            return label == "true" || label == "false" ? std::optional(label) : std::nullopt;
        default: return std::nullopt;
    }
}

// profile.address.city, for the attribute address.city of people.
std::vector<std::string> PathOfPeople(const std::string& attribute) {
    std::vector<std::string> path = {"profile", ""};
    for (const char c : attribute) {
        if (c == '.')
            path.emplace_back();
        else
            path.back() += c;
    }
    return path;
}

std::string LiteralText(const rule::Expr& expr) {
    const auto* text = rule::As<rule::Text>(expr);
    return text ? text->value : "";
}

// Whether the expression is the plain column, or that attribute of people.
bool IsColumn(const rule::Expr& expr, const std::string& name) {
    const auto* reference = rule::As<rule::Reference>(expr);
    return reference && ((reference->path.size() == 1 && reference->path[0] == name) ||
                         reference->path == PathOfPeople(name));
}

// How a rule of that definition names an attribute.
std::string ReferenceText(const json& definition, const std::string& attribute) {
    if (definition.contains("from") || definition.contains("query")) return rule::PrintName(attribute);
    return rule::Print(
        *rule::Make(rule::Reference{rule::Reference::Kind::kPath, PathOfPeople(attribute)}, 0));
}

struct Mapping {
    const std::string& attribute;
    const std::vector<std::string>& values;
    const std::vector<std::string>& replacements;
    bool used = false;

    bool Has(const std::string& value) const {
        return std::find(values.begin(), values.end(), value) != values.end();
    }

    // The list of `items` and the replacements that it lacks.
    ExprPtr Extended(std::vector<ExprPtr> items) const {
        for (const std::string& replacement : replacements) {
            const bool there = std::any_of(items.begin(), items.end(), [&](const ExprPtr& item) {
                return LiteralText(*item) == replacement;
            });
            if (!there) items.push_back(rule::Make(rule::Text{replacement}, 0));
        }
        return rule::Make(rule::List{std::move(items)}, 0);
    }

    ExprPtr Apply(const ExprPtr& expr) {
        const auto* operation = rule::As<rule::Operation>(*expr);
        if (!operation) return expr;
        if (operation->op == Op::kEqual && IsColumn(*operation->operands[0], attribute) &&
            Has(LiteralText(*operation->operands[1]))) {
            used = true;
            return rule::MakeOperation(Op::kIn, {operation->operands[0], Extended({operation->operands[1]})},
                                       0);
        }
        if (operation->op == Op::kIn && IsColumn(*operation->operands[0], attribute)) {
            const auto* list = rule::As<rule::List>(*operation->operands[1]);
            if (list && std::any_of(list->items.begin(), list->items.end(),
                                    [&](const ExprPtr& item) { return Has(LiteralText(*item)); })) {
                used = true;
                return rule::MakeOperation(Op::kIn, {operation->operands[0], Extended(list->items)}, 0);
            }
        }
        if (operation->op != Op::kAnd && operation->op != Op::kOr) return expr;
        std::vector<ExprPtr> operands;
        for (const ExprPtr& operand : operation->operands) operands.push_back(Apply(operand));
        return rule::MakeOperation(operation->op, std::move(operands), 0);
    }
};

// The expression with another name for a column.
ExprPtr WithColumn(const ExprPtr& expr, const std::string& from, const std::string& to) {
    const auto all = [&](const std::vector<ExprPtr>& list) {
        std::vector<ExprPtr> made;
        for (const ExprPtr& item : list) made.push_back(WithColumn(item, from, to));
        return made;
    };
    if (const auto* reference = rule::As<rule::Reference>(*expr);
        reference && !reference->path.empty() && reference->path[0] == from) {
        rule::Reference renamed = *reference;
        renamed.path[0] = to;
        return rule::Make(std::move(renamed), 0);
    }
    if (const auto* list = rule::As<rule::List>(*expr)) return rule::Make(rule::List{all(list->items)}, 0);
    if (const auto* call = rule::As<rule::Call>(*expr))
        return rule::MakeCall(call->function, all(call->arguments), 0);
    if (const auto* operation = rule::As<rule::Operation>(*expr))
        return rule::MakeOperation(operation->op, all(operation->operands), 0);
    return expr;
}

json WithWhere(json definition, const std::string& where) {
    for (const char* key : {"rules", "groups", "logicalOperator", "include_anonymous"}) definition.erase(key);
    definition["where"] = where;
    return definition;
}

}  // namespace

std::optional<std::string> ValueRule(const DiagnosisInput& input, const std::string& attribute,
                                     const std::vector<std::string>& values) {
    const auto kind = KindOf(input, attribute);
    if (values.empty() || values.size() > 100 || !kind) return std::nullopt;
    const std::string type_name = TypeName(input, attribute);
    const rule::ValueType type = !type_name.empty()                          ? rule::TypeOf(type_name)
                                 : *kind == segment::AttributeKind::kBoolean ? rule::ValueType::kBoolean
                                                                             : rule::ValueType::kText;
    std::string list;
    for (const std::string& value : values) {
        const auto literal = Literal(value, type);
        if (!literal) return std::nullopt;
        list += (list.empty() ? "" : ", ") + *literal;
    }
    return ReferenceText(input.definition, attribute) +
           (values.size() == 1 ? " = " + list : " in [" + list + "]");
}

std::optional<json> Narrowed(const json& definition, const std::string& rule) {
    try {
        const auto request = segment::ParseRequest(definition);
        if (request.static_segment) return std::nullopt;  // it has no rule
        const ExprPtr old_rule = segment::ReadRule(request), more = rule::Parse(rule);
        const ExprPtr both = old_rule ? rule::MakeOperation(Op::kAnd, {old_rule, more}, 0) : more;
        return WithWhere(definition, rule::Print(*both));
    } catch (const UserError&) {
        return std::nullopt;  // a definition of another kind
    }
}

std::optional<json> Mapped(const json& definition, const std::string& attribute,
                           const std::vector<std::string>& values,
                           const std::vector<std::string>& replacements) {
    if (replacements.empty()) return std::nullopt;
    try {
        const auto request = segment::ParseRequest(definition);
        const ExprPtr old_rule = segment::ReadRule(request);
        if (!old_rule || request.static_segment) return std::nullopt;
        Mapping mapping{attribute, values, replacements};
        const ExprPtr mapped = mapping.Apply(old_rule);
        if (!mapping.used) return std::nullopt;
        return WithWhere(definition, rule::Print(*mapped));
    } catch (const UserError&) {
        return std::nullopt;
    }
}

std::optional<json> WithColumnRenamed(const json& definition, const std::string& from,
                                      const std::string& to) {
    if (!definition.contains("from")) return std::nullopt;
    try {
        const ExprPtr rule = segment::ReadRule(segment::ParseRequest(definition));
        json renamed = rule ? WithWhere(definition, rule::Print(*WithColumn(rule, from, to))) : definition;
        for (const char* key : {"key", "converted", "last_active"})
            if (renamed.contains(key) && renamed[key].is_string())
                renamed[key] =
                    renamed[key] == from
                        ? to
                        : rule::Print(*WithColumn(rule::Parse(renamed[key].get<std::string>()), from, to));
        if (renamed.contains("attributes"))
            for (json& attribute : renamed["attributes"])
                if (attribute.is_object() && attribute.value("name", "") == from) attribute["name"] = to;
        return renamed;
    } catch (const UserError&) {
        return std::nullopt;
    }
}

std::optional<json> WithoutParts(const json& definition, const std::vector<std::string>& parts) {
    const auto is_part = [&](const std::string& name) {
        return std::find(parts.begin(), parts.end(), name) != parts.end();
    };
    json without = definition;
    for (const char* key : {"converted", "last_active"})
        if (is_part(key)) without.erase(key);
    if (without.contains("attributes") && without["attributes"].is_array())
        std::erase_if(without["attributes"].get_ref<json::array_t&>(), [&](const json& attribute) {
            return attribute.is_object() && is_part("attribute " + attribute.value("name", ""));
        });
    return without == definition ? std::nullopt : std::optional(std::move(without));
}

json WithAttributeRenamed(const json& baseline, const std::string& from, const std::string& to) {
    json renamed = baseline;
    if (renamed.is_object() && renamed.contains("criticalAttributes"))
        for (json& name : renamed["criticalAttributes"])
            if (name == from) name = to;
    return renamed;
}

json WithoutUnmeasured(const json& baseline, const json& definition) {
    if (!definition.contains("attributes") || !baseline.is_object() ||
        !baseline.contains("criticalAttributes"))
        return baseline;
    const json& attributes = definition["attributes"];
    json without = baseline;
    json& critical = without["criticalAttributes"];
    if (!critical.is_array()) return baseline;
    std::erase_if(critical.get_ref<json::array_t&>(), [&](const json& name) {
        return std::none_of(attributes.begin(), attributes.end(), [&](const json& attribute) {
            return (attribute.is_object() ? attribute.value("name", json()) : attribute) == name;
        });
    });
    return without;
}

bool Decides(const json& definition, const std::string& column) {
    if (definition.value("key", "") == column) return true;
    for (const std::string& clause : ClausesOf(definition)) {
        const std::vector<std::string> columns = ColumnsOf(clause);
        if (std::find(columns.begin(), columns.end(), column) != columns.end()) return true;
    }
    return false;
}

std::vector<std::string> ClausesOf(const json& definition) {
    std::vector<std::string> clauses;
    try {
        const ExprPtr expr = segment::ReadRule(segment::ParseRequest(definition));
        if (!expr) return clauses;
        if (const auto* all = rule::AsOp(*expr, Op::kAnd))
            for (const ExprPtr& operand : all->operands) clauses.push_back(rule::Print(*operand));
        else
            clauses.push_back(rule::Print(*expr));
    } catch (const UserError&) {
        // A definition of another kind has no clauses to compare.
    }
    return clauses;
}

}  // namespace pulse::diagnosis
