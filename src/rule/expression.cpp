#include "pulse/rule/expression.hpp"

#include <algorithm>
#include <utility>

#include "pulse/base/error.hpp"
#include "pulse/rule/cast.hpp"
#include "pulse/rule/dynamic_value.hpp"
#include "pulse/rule/literal.hpp"
#include "pulse/rule/operators.hpp"
#include "pulse/rule/print.hpp"

namespace pulse::rule {

namespace {

// PostgreSQL's spelling of an operator where it differs from the rule language.
std::string SqlOperator(Op op) {
    return std::string(" ") + (op == Op::kNotEqual ? "<>" : Spelling(op)) + " ";
}

bool IsTextual(const CompiledValue& value) {
    return value.type == ValueType::kText || value.type == ValueType::kEnum;
}

// "text" of text[]
std::string ElementName(const CompiledValue& list) {
    return list.sql_type.substr(0, list.sql_type.size() - 2);
}

std::string LowerName(const std::string& text) {
    return "pg_catalog.lower(" + text + ")";
}

// The pattern of LIKE for a part of a text.
std::string PatternOf(const CompiledValue& literal) {
    std::string pattern = "%";
    for (const char c : As<Text>(*literal.expr)->value) {
        if (c == '\\' || c == '%' || c == '_') pattern += '\\';
        pattern += c;
    }
    return pattern + "%";
}

// The type numeric holds 131,072 digits before the point; the rest is for what else is computed with a
// number, such as when it is reached.
constexpr int64_t kMaxWholeDigits = 131'000;
constexpr int64_t kMaxDecimals = 16'383, kDecimalsOfQuotient = 1'000;

// The size of a result, at most.
Size SizeOf(Op op, const Size& left, const Size& right) {
    if (left.digits == 0 || right.digits == 0) return {};
    switch (op) {
        case Op::kMultiply:
            return {left.digits + right.digits, std::min(left.decimals + right.decimals, kMaxDecimals)};
        case Op::kDivide: return {left.digits + right.decimals + 1, kDecimalsOfQuotient};
        default: return {std::max(left.digits, right.digits) + 1, std::max(left.decimals, right.decimals)};
    }
}

// Bytewise comparison: exact, fast, and independent of collations.
std::string Bytewise(const std::string& text) {
    return text + " COLLATE pg_catalog.\"C\"";
}

std::string Alternative(const CompiledValue& value, const CompiledValue& model, bool same) {
    if (model.type == ValueType::kNumber)
        return same ? (value.literal ? NumberFor(value, model.sql_type) : value.sql) : AsNumeric(value);
    if (model.type == ValueType::kTimestamp && value.fixed && !model.absolute) {
        // now and literals in the column's own kind of time
        CompiledValue bare = model;
        bare.offset = 0;
        return Align(bare, value, Op::kEqual, *value.expr).right;
    }
    return ToSql(value);
}

// COALESCE or CASE of the values.
template <typename Write>
std::string Chosen(const std::vector<CompiledValue>& values, const std::string& condition, Write write) {
    if (!condition.empty())
        return "(CASE WHEN " + condition + " THEN " + write(values[0]) +
               (values.size() > 1 ? " ELSE " + write(values[1]) : "") + " END)";
    std::string sql = "COALESCE(";
    for (size_t i = 0; i < values.size(); ++i) sql += (i > 0 ? ", " : "") + write(values[i]);
    return sql + ")";
}

CompiledValue ShiftedInstant(const CompiledValue& instant, int64_t seconds, const Expr& expr) {
    CompiledValue moved = ShiftInstant(instant, seconds);
    moved.expr = &expr;
    if (moved.sql_type == "date") moved.sql_type = "timestamp without time zone";
    return moved;
}

}  // namespace

CompiledValue BooleanOf(std::string sql, const Expr& expr) {
    return {.type = ValueType::kBoolean, .sql = std::move(sql), .sql_type = "boolean", .expr = &expr};
}

CompiledValue TextOf(std::string sql, const Expr& expr) {
    return {.type = ValueType::kText, .sql = std::move(sql), .sql_type = "text", .expr = &expr};
}

CompiledValue NumberOf(std::string sql, const char* sql_type, const Expr& expr, Size size) {
    return {
        .type = ValueType::kNumber, .sql = std::move(sql), .sql_type = sql_type, .expr = &expr, .size = size};
}

void WrongArgument(const CompiledValue& value, const char* wanted, const Expr& expr) {
    throw UserError(sqlstate::kDatatypeMismatch, "wrong type in rule" + AtPosition(expr),
                    Describe(value) + "; " + PrintShort(expr) + " needs " + wanted + ".", kFunctionHint);
}

std::string RequireText(const CompiledValue& any, const Expr& expr) {
    const CompiledValue value = AsType(any, ValueType::kText);
    if (!IsTextual(value)) WrongArgument(value, "a text", expr);
    return AsText(value);
}

std::string RequireNumber(const CompiledValue& any, const Expr& expr) {
    const CompiledValue value = AsType(any, ValueType::kNumber);
    if (value.type != ValueType::kNumber) WrongArgument(value, "a number", expr);
    return AsNumeric(value);
}

std::string Compare(const CompiledValue& left, Op op, const CompiledValue& right, const Expr& expr) {
    const Aligned aligned = Align(left, right, op, expr);
    return "(" + aligned.left + SqlOperator(op) + aligned.right + ")";
}

const char* Every(Op op) {
    return op == Op::kContainsAll ? "ALL" : "ANY";
}

ValueType ElementType(const CompiledValue& list) {
    return TypeOf(ElementName(list));
}

std::string ElementOf(const CompiledValue& list, const CompiledValue& item, const Expr& expr) {
    const std::string element = ElementName(list);
    if (!item.literal) WrongArgument(item, "a literal on its right", expr);
    const CompiledValue any{.type = TypeOf(element),
                            .sql = list.sql,
                            .sql_type = element,
                            .expr = list.expr,
                            .absolute = element.ends_with("with time zone")};
    return Align(any, item, Op::kContains, expr).right;
}

CompiledValue ListContains(const CompiledValue& list, const CompiledValue& item, const Expr& expr) {
    return BooleanOf("(" + ElementOf(list, item, expr) + " = ANY (" + list.sql + "))", expr);
}

// No LIKE: the part may be data, in which its pattern signs would have to be escaped.
CompiledValue PartOfText(Op op, const CompiledValue& whole_value, const CompiledValue& part_value,
                         const Expr& expr) {
    const CompiledValue left = AsType(whole_value, ValueType::kText),
                        right = AsType(part_value, ValueType::kText);
    if (!IsTextual(left) || !IsTextual(right)) Mismatch(left, right, op, expr);
    const std::string whole = LowerName(AsText(left)), part = LowerName(AsText(right));
    if (op == Op::kContains)
        return BooleanOf("(pg_catalog.strpos(" + Bytewise(whole) + ", " + part + ") > 0)", expr);
    if (op == Op::kStartsWith)
        return BooleanOf("pg_catalog.starts_with(" + Bytewise(whole) + ", " + part + ")", expr);
    const std::string end = "pg_catalog.\"right\"(" + whole + ", pg_catalog.char_length(" + part + "))";
    return BooleanOf("(" + Bytewise(end) + " = " + part + ")", expr);
}

CompiledValue PartsOfText(Op op, const CompiledValue& whole, const std::vector<CompiledValue>& literals,
                          const Expr& expr) {
    const CompiledValue text = AsType(whole, ValueType::kText);
    std::string patterns;
    for (const CompiledValue& literal : literals) {
        if (!IsTextual(text) || literal.type != ValueType::kText) Mismatch(text, literal, op, expr);
        patterns += (patterns.empty() ? "" : ", ") + LowerName(QuoteText(PatternOf(literal)));
    }
    return BooleanOf(
        "(" + Bytewise(LowerName(AsText(text))) + " LIKE " + Every(op) + " (ARRAY[" + patterns + "]))", expr);
}

CompiledValue Matches(const CompiledValue& value, const CompiledValue& pattern, const Expr& expr) {
    const CompiledValue left = AsType(value, ValueType::kText), right = AsType(pattern, ValueType::kText);
    if (!IsTextual(left) || right.type != ValueType::kText) Mismatch(left, right, Op::kMatches, expr);
    // A pattern from data could be invalid in some rows only, and fail there.
    if (!right.literal)
        throw UserError(sqlstate::kNotSupported,
                        "the pattern of matches must be a text in quotes in rule" + AtPosition(expr),
                        Describe(right) + ".",
                        "Write the regular expression itself, such as matches \"^A[0-9]+$\".");
    return BooleanOf("(" + AsText(left) + (left.folded ? " ~* " : " ~ ") +
                         QuoteText(RegularExpression(As<Text>(*right.expr)->value)) + ")",
                     expr);
}

CompiledValue Choice(std::vector<CompiledValue> values, const std::string& condition, const Expr& expr) {
    for (const CompiledValue& value : values)
        if (IsCast(value))
            throw UserError(sqlstate::kDatatypeMismatch,
                            "a cast cannot be chosen in rule" + AtPosition(*value.expr),
                            Describe(value) + ".", "Cast what is chosen, as in semver(a ?? \"1.0.0\").");
    const auto folded =
        std::find_if(values.begin(), values.end(), [](const CompiledValue& v) { return v.folded; });
    if (folded != values.end()) {
        const CompiledValue model = *folded;
        for (CompiledValue& value : values) value = Beside(value, model);
    }
    UnifyTypes(values);
    if (std::all_of(values.begin(), values.end(), [](const CompiledValue& v) { return v.dynamic; })) {
        // All are dynamic, so the result is, too.
        CompiledValue result = values.front();
        result.sql = Chosen(values, condition, [](const CompiledValue& v) { return ToSql(v); });
        result.expr = &expr;
        return result;
    }
    const auto data = std::find_if(values.begin(), values.end(),
                                   [](const CompiledValue& v) { return !v.literal && !v.fixed; });
    const CompiledValue model = data == values.end() ? values.front() : *data;
    bool same =
        model.type != ValueType::kNumber || model.sql_type == "real" || model.sql_type == "double precision";
    for (CompiledValue& value : values) {
        if (model.type == ValueType::kTimestamp) value = ToInstant(value);
        Align(model, value, Op::kCoalesce, expr);  // for its checks
        const bool fits = value.literal || value.fixed || value.sql_type == model.sql_type;
        if (value.difference || (!fits && model.type == ValueType::kTimestamp))
            Mismatch(model, value, Op::kCoalesce, expr);
        same = same && fits;
    }
    CompiledValue result = model;
    result.sql =
        Chosen(values, condition, [&](const CompiledValue& v) { return Alternative(v, model, same); });
    result.expr = &expr;
    result.literal = result.fixed = false;
    result.offset = 0;
    result.moment.reset();
    result.difference.reset();
    result.ticks.clear();
    result.options.clear();
    result.simple = true;
    bool now = false;
    for (const CompiledValue& value : values) {
        result.ticks.insert(result.ticks.end(), value.ticks.begin(), value.ticks.end());
        result.simple = result.simple && value.simple;
        result.from_json = result.from_json || value.from_json;
        // Of any size if one of them is.
        const bool known = result.size.digits > 0 && value.size.digits > 0;
        result.size = known ? Size{std::max(result.size.digits, value.size.digits),
                                   std::max(result.size.decimals, value.size.decimals)}
                            : Size{};
        if (value.type != ValueType::kTimestamp) continue;
        now = now || IsNow(value) || !value.options.empty();
        if (value.options.empty())
            result.options.push_back(value);
        else
            result.options.insert(result.options.end(), value.options.begin(), value.options.end());
    }
    if (!now) result.options.clear();
    if (model.type == ValueType::kNumber && !same) result.sql_type = "numeric";
    return result;
}

CompiledValue Round(const Call& node, const CompiledValue& value, const Expr& expr) {
    std::string sql = "pg_catalog.round(" + RequireNumber(value, expr);
    if (node.arguments.size() == 2) {
        const Number* digits = As<Number>(*node.arguments[1]);
        if (!digits || digits->digits.size() > 2 ||
            digits->digits.find_first_not_of("0123456789") != std::string::npos)
            throw UserError(sqlstate::kInvalidParameter,
                            "invalid number of digits in rule" + AtPosition(expr),
                            PrintShort(*node.arguments[1]) + " is not a whole number from 0 to 99.",
                            "Write round(ltv, 2).");
        sql += ", " + digits->digits;
    }
    return NumberOf(sql + ")", "numeric", expr,
                    SizeOf(Op::kAdd, AsType(value, ValueType::kNumber).size, {1, 0}));
}

CompiledValue Arithmetic(Op op, const CompiledValue& first, const CompiledValue& second, const Expr& expr) {
    const CompiledValue left = AsType(first, ValueType::kNumber), right = AsType(second, ValueType::kNumber);
    if (left.type != ValueType::kNumber || right.type != ValueType::kNumber) Mismatch(left, right, op, expr);
    std::string divisor = AsNumeric(right);
    if (op == Op::kDivide || op == Op::kModulo) {
        const Number* literal = As<Number>(*right.expr);
        if (literal && literal->digits == "0")
            throw UserError(sqlstate::kDivisionByZero, "division by zero in rule" + AtPosition(expr),
                            PrintShort(expr) + " has no value.", "Divide by something else.");
        if (!literal) divisor = "NULLIF(" + divisor + ", 0)";
    }
    const Size size = SizeOf(op, left.size, right.size);
    if (size.digits > kMaxWholeDigits)
        throw UserError(
            sqlstate::kProgramLimit, "numbers in rule can have too many digits" + AtPosition(expr),
            PrintShort(expr) + " can have " + std::to_string(size.digits) +
                " digits before the point; at most " + std::to_string(kMaxWholeDigits) + " are allowed.",
            "Multiply or divide by fewer values.");
    return NumberOf("(" + AsNumeric(left) + SqlOperator(op) + divisor + ")", "numeric", expr, size);
}

CompiledValue TimeArithmetic(Op op, const CompiledValue& left, const CompiledValue& right, const Expr& expr) {
    const int64_t sign = op == Op::kAdd ? 1 : -1;
    const auto constant = [](const CompiledValue& v) { return v.type == ValueType::kDuration && v.literal; };
    if (constant(left) && constant(right)) {
        const int64_t seconds = left.seconds + sign * right.seconds;
        if (seconds > kMaxDuration || seconds < -kMaxDuration) Mismatch(left, right, op, expr);
        return {.type = ValueType::kDuration,
                .sql = "",
                .sql_type = "duration",
                .expr = &expr,
                .literal = true,
                .seconds = seconds};
    }
    const CompiledValue from = constant(right) ? ToInstant(left) : left,
                        to = constant(left) ? ToInstant(right) : right;
    if (from.type == ValueType::kTimestamp && constant(right))
        return ShiftedInstant(from, sign * right.seconds, expr);
    if (op == Op::kAdd && constant(left) && to.type == ValueType::kTimestamp)
        return ShiftedInstant(to, left.seconds, expr);
    if (op == Op::kSubtract && (left.type == ValueType::kTimestamp || right.type == ValueType::kTimestamp)) {
        const CompiledValue first = ToInstant(left), second = ToInstant(right);
        if (first.type == ValueType::kTimestamp && second.type == ValueType::kTimestamp)
            return {
                .type = ValueType::kDuration,
                .sql = "",
                .sql_type = "duration",
                .expr = &expr,
                .difference = std::make_shared<const std::pair<CompiledValue, CompiledValue>>(first, second)};
    }
    Mismatch(left, right, op, expr);
}

}  // namespace pulse::rule
