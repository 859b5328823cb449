#include "pulse/rule/dynamic_value.hpp"

#include <algorithm>

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

std::string Sign(Op op) {
    return std::string(" ") + (op == Op::kNotEqual ? "<>" : Spelling(op)) + " ";
}

}  // namespace

std::string JsonPath(const std::string& json, const std::vector<std::string>& path, size_t from) {
    std::string sql = "(" + json;
    for (size_t i = from; i < path.size(); ++i) sql += " -> " + QuoteText(path[i]);
    return sql + ")";
}

CompiledValue AsType(const CompiledValue& value, ValueType type) {
    if (!value.dynamic) return value;
    const std::string& json = value.sql;
    CompiledValue typed{.type = type, .sql = "", .sql_type = "", .expr = value.expr};
    switch (type) {
        case ValueType::kText:
            typed.sql = When(json, "string", json + " #>> '{}'");
            typed.sql_type = "text";
            return typed;
        case ValueType::kNumber:
            typed.sql = "pulse.to_number(" + json + ")";
            typed.sql_type = "numeric";
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
    if (!value.dynamic || other.dynamic) return value;
    // An order comparison compares times, not their text: 2011-03-01T06:00+01:00 is before
    // 2011-03-01T05:30Z.
    const Text* text = As<Text>(*other.expr);
    if (other.literal && text && IsOrder(op) && ParseMoment(text->value))
        return AsType(value, ValueType::kTimestamp);
    return AsType(value, other.type);
}

std::string CompareJson(const CompiledValue& left, Op op, const CompiledValue& right) {
    std::string same = TypeName(left.sql) + " = " + TypeName(right.sql) + " AND " + TypeName(left.sql);
    same += IsOrder(op) ? " IN ('string', 'number')" : " <> 'null'";
    return "(CASE WHEN " + same + " THEN " + left.sql + Sign(op) + right.sql + " END)";
}

std::string JsonIn(const CompiledValue& json, const std::vector<CompiledValue>& items) {
    std::string sql = "(CASE " + TypeName(json.sql);
    for (const auto& [type, name] :
         {std::pair(ValueType::kText, "string"), std::pair(ValueType::kNumber, "number"),
          std::pair(ValueType::kBoolean, "boolean")}) {
        std::string list;
        for (const CompiledValue& item : items)
            if (item.type == type) list += (list.empty() ? "" : ", ") + item.sql;
        if (list.empty()) continue;
        const char* const read = type == ValueType::kText     ? " #>> '{}'"
                                 : type == ValueType::kNumber ? "::numeric"
                                                              : "::boolean";
        sql += std::string(" WHEN '") + name + "' THEN (" + json.sql + read + ") IN (" + list + ")";
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

CompiledValue JsonLength(const CompiledValue& json, const Expr& expr) {
    return NumberOf("(CASE " + TypeName(json.sql) + " WHEN 'string' THEN pg_catalog.char_length(" + json.sql +
                        " #>> '{}') WHEN 'array' THEN pg_catalog.jsonb_array_length(" + json.sql + ") END)",
                    "integer", expr);
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
