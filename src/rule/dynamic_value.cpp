#include "pulse/rule/dynamic_value.hpp"

#include <algorithm>
#include <tuple>

#include "pulse/rule/expression.hpp"
#include "pulse/rule/operators.hpp"

namespace pulse::rule {

namespace {

std::string TypeName(const std::string& json) {
    return "pg_catalog.jsonb_typeof(" + json + ")";
}

std::string When(const std::string& json, const char* type, const std::string& then) {
    return "(CASE WHEN " + TypeName(json) + " = '" + type + "' THEN " + then + " END)";
}

bool IsOrder(Op op) {
    return op == Op::kLess || op == Op::kLessEqual || op == Op::kGreater || op == Op::kGreaterEqual;
}

bool IsEquality(Op op) {
    return op == Op::kEqual || op == Op::kNotEqual;
}

// Text of an attribute or a property, converted or not.
bool MayBeTime(const CompiledValue& value) {
    return value.dynamic || value.from_json;
}

bool IsTimeLiteral(const CompiledValue& value) {
    const Text* text = As<Text>(*value.expr);
    return value.literal && text && ParseMoment(text->value);
}

std::string AsJson(const CompiledValue& value) {
    return value.dynamic ? value.sql : "pg_catalog.to_jsonb(" + AsText(value) + ")";
}

// What JsonIn() compares a value of one JSON type with.
std::string IsAmong(const std::string& value, const std::string& list, const std::string& moments) {
    std::string sql = list.empty() ? "" : value + " IN (" + list + ")";
    if (moments.empty()) return sql;
    return (sql.empty() ? "" : sql + " OR ") + "COALESCE(" + moments + ", false)";
}

}  // namespace

std::string JsonPath(const std::string& json, const std::vector<std::string>& path, size_t from) {
    std::string sql = "(" + json;
    for (size_t i = from; i < path.size(); ++i) sql += " -> " + QuoteText(path[i]);
    return sql + ")";
}

CompiledValue AsType(const CompiledValue& value, ValueType type) {
    if (value.from_json && type == ValueType::kTimestamp) {
        CompiledValue json = value;
        json.sql = AsJson(value);
        json.dynamic = true;
        json.from_json = false;
        return AsType(json, type);
    }
    if (!value.dynamic) return value;
    const std::string& json = value.sql;
    CompiledValue typed{.type = type, .sql = "", .sql_type = "", .expr = value.expr, .folded = value.folded};
    switch (type) {
        case ValueType::kText:
            typed.sql = When(json, "string", json + " #>> '{}'");
            typed.sql_type = "text";
            typed.from_json = true;
            return typed;
        case ValueType::kNumber:
            typed.sql = "pulse.to_number(" + json + ")";
            typed.sql_type = "numeric";
            typed.size = kAnyNumber;
            return typed;
        case ValueType::kBoolean:
            typed.sql = When(json, "boolean", json + "::boolean");
            typed.sql_type = "boolean";
            return typed;
        case ValueType::kTimestamp:
            typed.sql = "pulse.to_moment(" + json + ")";
            typed.sql_type = "timestamp with time zone";
            typed.absolute = true;
            return typed;
        default: return value;
    }
}

CompiledValue AsTypeOf(const CompiledValue& value, const CompiledValue& other, Op op) {
    if (!MayBeTime(value) || other.dynamic) return value;
    // An order comparison compares times, not their text: 2011-03-01T06:00+01:00 is before
    // 2011-03-01T05:30Z.
    if (IsOrder(op) && IsTimeLiteral(other)) return AsType(value, ValueType::kTimestamp);
    return AsType(value, other.type);
}

bool ComparesAsJson(const CompiledValue& left, Op op, const CompiledValue& right) {
    if (MayBeTime(left) && MayBeTime(right)) return true;
    return IsEquality(op) &&
           ((MayBeTime(left) && IsTimeLiteral(right)) || (IsTimeLiteral(left) && MayBeTime(right)));
}

std::string CompareJson(const CompiledValue& left, Op op, const CompiledValue& right) {
    const std::string operands = "(" + AsJson(left) + ", " + AsJson(right) + ")";
    if (IsOrder(op)) return "(pulse.compare" + operands + " " + Spelling(op) + " 0)";
    return (op == Op::kNotEqual ? "(NOT pulse.equal" : "(pulse.equal") + operands + ")";
}

std::string JsonIn(const CompiledValue& value, const std::vector<CompiledValue>& items) {
    const std::string json = AsJson(value);
    std::string moments;
    for (const CompiledValue& item : items)
        if (IsTimeLiteral(item)) moments += (moments.empty() ? "" : ", ") + ToSql(ToInstant(item));
    if (!moments.empty()) moments = "pulse.to_moment(" + json + ") IN (" + moments + ")";
    std::string sql = "(CASE " + TypeName(json);
    for (const auto& [type, name, read] : {std::tuple(ValueType::kText, "string", " #>> '{}'"),
                                           std::tuple(ValueType::kNumber, "number", "::numeric"),
                                           std::tuple(ValueType::kBoolean, "boolean", "::boolean")}) {
        std::string list;
        for (const CompiledValue& item : items)
            if (item.type == type) list += (list.empty() ? "" : ", ") + item.sql;
        const std::string among =
            IsAmong("(" + json + read + ")", list, type == ValueType::kBoolean ? "" : moments);
        if (!among.empty()) sql += std::string(" WHEN '") + name + "' THEN " + among;
    }
    return sql + " END)";
}

CompiledValue JsonContains(const CompiledValue& json, const CompiledValue& item, const Expr& expr) {
    const CompiledValue wanted = AsType(item, ValueType::kText);
    if (wanted.type == ValueType::kText) {
        const CompiledValue part = PartOfText(Op::kContains, AsType(json, ValueType::kText), wanted, expr);
        return BooleanOf("(CASE " + TypeName(json.sql) + " WHEN 'array' THEN pg_catalog.jsonb_exists(" +
                             json.sql + ", " + AsText(wanted) + ") WHEN 'string' THEN " + part.sql + " END)",
                         expr);
    }
    if (wanted.type != ValueType::kNumber && wanted.type != ValueType::kBoolean)
        Mismatch(json, item, Op::kContains, expr);
    return BooleanOf(When(json.sql, "array",
                          "pg_catalog.jsonb_contains(" + json.sql + ", pg_catalog.to_jsonb(" +
                              (wanted.type == ValueType::kNumber ? AsNumeric(wanted) : wanted.sql) + "))"),
                     expr);
}

CompiledValue JsonContainsEach(Op op, const CompiledValue& json, const std::vector<CompiledValue>& items,
                               const Expr& expr) {
    std::vector<CompiledValue> texts;
    std::string text_list, others;
    for (const CompiledValue& item : items) {
        if (item.type == ValueType::kText) {
            texts.push_back(item);
            text_list += (text_list.empty() ? "" : ", ") + item.sql;
        } else {
            const Number* number = As<Number>(*item.expr);
            others +=
                (others.empty() ? "" : ", ") + QuoteText(number ? number->digits : item.sql) + "::jsonb";
        }
    }
    const bool all = op == Op::kContainsAll;
    // A number or a boolean is no part of a text: unknown.
    std::string in_list, in_text = "NULL::boolean";
    if (!texts.empty()) {
        in_list = std::string("pg_catalog.jsonb_exists_") + (all ? "all(" : "any(") + json.sql + ", ARRAY[" +
                  text_list + "])";
        const std::string parts = PartsOfText(op, AsType(json, ValueType::kText), texts, expr).sql;
        in_text = others.empty() ? parts : "(" + parts + (all ? " AND " : " OR ") + in_text + ")";
    }
    if (!others.empty())
        in_list += (in_list.empty() ? ""
                    : all           ? " AND "
                                    : " OR ") +
                   json.sql + " @> " + Every(op) + " (ARRAY[" + others + "])";
    return BooleanOf("(CASE " + TypeName(json.sql) + " WHEN 'array' THEN (" + in_list +
                         ") WHEN 'string' THEN " + in_text + " END)",
                     expr);
}

CompiledValue JsonLength(const CompiledValue& json, const Expr& expr) {
    return NumberOf("(CASE " + TypeName(json.sql) + " WHEN 'string' THEN pg_catalog.char_length(" + json.sql +
                        " #>> '{}') WHEN 'array' THEN pg_catalog.jsonb_array_length(" + json.sql + ") END)",
                    "integer", expr, kCount);
}

void UnifyTypes(std::vector<CompiledValue>& values) {
    const auto typed = std::find_if(values.begin(), values.end(), [](const CompiledValue& v) {
        return !v.dynamic && !v.literal && !v.fixed;
    });
    const auto any =
        std::find_if(values.begin(), values.end(), [](const CompiledValue& v) { return !v.dynamic; });
    if (any == values.end()) return;
    const ValueType type = typed != values.end() ? typed->type : any->type;
    for (CompiledValue& value : values) value = AsType(value, type);
}

}  // namespace pulse::rule
