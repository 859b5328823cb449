#include "pulse/rule/list.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "pulse/base/error.hpp"
#include "pulse/base/json.hpp"
#include "pulse/rule/cast.hpp"
#include "pulse/rule/dynamic_value.hpp"
#include "pulse/rule/expression.hpp"
#include "pulse/rule/print.hpp"
#include "pulse/rule/profile_scope.hpp"

namespace pulse::rule {

namespace {

std::string JsonOf(const CompiledValue& literal) {
    if (const Text* text = As<Text>(*literal.expr)) return DumpJson(nlohmann::json(text->value));
    if (const Number* number = As<Number>(*literal.expr)) return number->digits;
    return literal.sql;  // true or false
}

// Texts as a literal of an array's own type: a cast to varchar(3)[] would cut them.
std::string TextArray(const CompiledValue& list, const std::vector<CompiledValue>& literals,
                      const Expr& expr) {
    std::string array;
    for (const CompiledValue& literal : literals) {
        ElementOf(list, literal, expr);  // for its checks
        array += array.empty() ? "{\"" : ",\"";
        for (const char c : As<Text>(*literal.expr)->value)
            array += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
        array += '"';
    }
    array = QuoteText(array + "}");
    return list.folded ? "pg_catalog.lower(" + array + ")::text[]" : array;
}

bool AreTexts(const CompiledValue& list, const std::vector<CompiledValue>& literals) {
    return !literals.empty() && ElementType(list) != ValueType::kTimestamp &&
           std::ranges::all_of(literals, [](const CompiledValue& v) { return v.type == ValueType::kText; });
}

CompiledValue ListContainsEach(Op op, const CompiledValue& list, const std::vector<CompiledValue>& literals,
                               const Expr& expr) {
    const bool all = op == Op::kContainsAll;
    // As = ANY, which is unknown if a null could be the one that is missing: a list with a null contains no
    // other list, not even itself.
    if (AreTexts(list, literals))
        return BooleanOf("(CASE WHEN " + list.sql + (all ? " @> " : " && ") +
                             TextArray(list, literals, expr) + " THEN true WHEN " + list.sql + " <@ " +
                             list.sql + " THEN false END)",
                         expr);
    std::string sql;
    for (const CompiledValue& literal : literals)
        sql += (sql.empty() ? "(" : all ? " AND " : " OR ") + ListContains(list, literal, expr).sql;
    return BooleanOf(sql + ")", expr);
}

}  // namespace

CompiledValue Contains(const CompiledValue& value, const CompiledValue& other, const Expr& expr) {
    if (IsCast(value)) Mismatch(value, other, Op::kContains, expr);
    const CompiledValue item = Beside(other, value);
    if (value.type == ValueType::kArray) return ListContains(value, item, expr);
    if (value.dynamic) return JsonContains(value, item, expr);
    return PartOfText(Op::kContains, value, item, expr);
}

CompiledValue ContainsEach(Op op, const CompiledValue& value, std::vector<CompiledValue> literals,
                           const Expr& expr) {
    if (literals.empty()) return BooleanOf(op == Op::kContainsAll ? "true" : "false", expr);
    if (IsCast(value)) Mismatch(value, literals.front(), op, expr);
    for (CompiledValue& literal : literals) literal = Beside(literal, value);
    if (value.dynamic) return JsonContainsEach(op, value, literals, expr);
    if (value.type != ValueType::kArray) return PartsOfText(op, value, literals, expr);
    return ListContainsEach(op, value, literals, expr);
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
    if (AreTexts(value, literals))
        return BooleanOf(negation + value.sql + " = " + TextArray(value, literals, expr) + ")", expr);
    std::string items;
    for (const CompiledValue& literal : literals)
        items += (items.empty() ? "" : ", ") + ElementOf(value, literal, expr);
    return BooleanOf(negation + value.sql + " = ARRAY[" + items + "]::" + value.sql_type + ")", expr);
}

CompiledValue ForElements(bool all, const CompiledValue& list, const Expr& condition, const Expr& expr) {
    // An expression for pulse.each_element(): $1 is the element, and there is no clock.
    const std::string each = Compile(condition, ElementScope("$1"), Expect::kBoolean, "").sql;
    return BooleanOf(std::string("(true = ") + (all ? "ALL" : "ANY") + " (pulse.each_element(" + list.sql +
                         ", " + QuoteText(each) + ")))",
                     expr);
}

CompiledValue InNetworks(const CompiledValue& address, const std::vector<CompiledValue>& networks,
                         const Expr& expr) {
    std::string items;
    for (const CompiledValue& literal : networks) {
        const CompiledValue network = Beside(literal, address);
        if (network.type != ValueType::kAddress) Mismatch(address, network, Op::kIn, expr);
        items += (items.empty() ? "" : ", ") + network.sql;
    }
    return BooleanOf("(" + address.sql + " <<= ANY (ARRAY[" + items + "]))", expr);
}

}  // namespace pulse::rule
