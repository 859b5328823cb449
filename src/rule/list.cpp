#include "pulse/rule/list.hpp"

#include <nlohmann/json.hpp>

#include "pulse/base/error.hpp"
#include "pulse/base/json.hpp"
#include "pulse/rule/cast.hpp"
#include "pulse/rule/dynamic_value.hpp"
#include "pulse/rule/expression.hpp"
#include "pulse/rule/print.hpp"

namespace pulse::rule {

namespace {

std::string JsonOf(const CompiledValue& literal) {
    if (const Text* text = As<Text>(*literal.expr)) return DumpJson(nlohmann::json(text->value));
    if (const Number* number = As<Number>(*literal.expr)) return number->digits;
    return literal.sql;  // true or false
}

}  // namespace

CompiledValue Contains(const CompiledValue& value, const CompiledValue& other, const Expr& expr) {
    const CompiledValue item = Beside(other, value);
    if (value.type == ValueType::kArray) return ListContains(value, item, expr);
    if (value.dynamic) return JsonContains(value, item, expr);
    return PartOfText(Op::kContains, value, item, expr);
}

CompiledValue ContainsEach(Op op, const CompiledValue& value, const std::vector<CompiledValue>& literals,
                           const Expr& expr) {
    if (literals.empty()) return BooleanOf(op == Op::kContainsAll ? "true" : "false", expr);
    const char* const between = op == Op::kContainsAll ? " AND " : " OR ";
    std::string sql;
    for (const CompiledValue& literal : literals)
        sql += (sql.empty() ? "(" : between) + Contains(value, literal, expr).sql;
    return BooleanOf(sql + ")", expr);
}

CompiledValue ListValue(const std::vector<CompiledValue>& literals, const Expr& expr) {
    std::string json;
    for (const CompiledValue& literal : literals) json += (json.empty() ? "" : ", ") + JsonOf(literal);
    return {.type = ValueType::kJson,
            .sql = QuoteText("[" + json + "]") + "::jsonb",
            .sql_type = "jsonb",
            .expr = &expr,
            .dynamic = true};
}

CompiledValue EqualsList(Op op, const CompiledValue& value, const std::vector<CompiledValue>& literals,
                         const Expr& expr) {
    const std::string negation = op == Op::kNotEqual ? "(NOT " : "(";
    if (value.dynamic) {
        const CompiledValue list = ListValue(literals, expr);
        return BooleanOf(negation + "pulse.equal(" + value.sql + ", " + Beside(list, value).sql + "))", expr);
    }
    if (value.type != ValueType::kArray) WrongArgument(value, "a list on its left", expr);
    std::string items;
    for (const CompiledValue& literal : literals)
        items += (items.empty() ? "" : ", ") + ElementOf(value, literal, expr);
    return BooleanOf(negation + value.sql + " = ARRAY[" + items + "]::" + value.sql_type + ")", expr);
}

CompiledValue InNetworks(const CompiledValue& address, const std::vector<CompiledValue>& networks,
                         const Expr& expr) {
    std::string sql;
    for (const CompiledValue& literal : networks) {
        const CompiledValue network = Beside(literal, address);
        if (network.type != ValueType::kAddress) Mismatch(address, network, Op::kIn, expr);
        sql += (sql.empty() ? "(" : " OR ") + address.sql + " <<= " + network.sql;
    }
    return BooleanOf(sql + ")", expr);
}

}  // namespace pulse::rule
