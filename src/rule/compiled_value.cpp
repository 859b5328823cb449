#include "pulse/rule/compiled_value.hpp"

#include <cstdio>
#include <cstdlib>

#include "pulse/base/error.hpp"
#include "pulse/rule/dynamic_value.hpp"
#include "pulse/rule/operators.hpp"
#include "pulse/rule/print.hpp"

namespace pulse::rule {

namespace {

bool IsFloat(const std::string& sql_type) {
    return sql_type == "real" || sql_type == "double precision";
}
bool IsNumeric(const std::string& sql_type) {
    return sql_type.starts_with("numeric");
}

// Hours, minutes and seconds, never days: a day of an interval is not always 24 hours.
std::string Interval(int64_t seconds) {
    const int64_t size = std::llabs(seconds);
    char text[64];
    std::snprintf(text, sizeof text, "interval '%s%lld:%02d:%02d'", seconds < 0 ? "-" : "",
                  static_cast<long long>(size / 3600), static_cast<int>(size / 60 % 60),
                  static_cast<int>(size % 60));
    return text;
}

std::string MomentLiteral(Moment moment, bool absolute) {
    const std::string text = FormatMoment(moment);
    return absolute ? "timestamptz '" + text + "'" : "timestamp '" + text.substr(0, text.size() - 3) + "'";
}

// The base of an instant as timestamptz, or as timestamp (or date) in UTC.
std::string Base(const CompiledValue& value, bool absolute) {
    if (value.moment) return MomentLiteral(*value.moment, absolute);
    return value.absolute == absolute ? value.sql : "(" + value.sql + " AT TIME ZONE 'UTC')";
}

// A whole day against a date column reads better as a date.
std::string BaseBeside(const CompiledValue& value, bool absolute, const CompiledValue& other) {
    if (value.moment && other.sql_type == "date" && *value.moment % kDay == 0)
        return "date '" + FormatDate(*value.moment) + "'";
    return Base(value, absolute);
}

Aligned AlignInstants(const CompiledValue& left, const CompiledValue& right) {
    // A constant takes the column's type; of two columns the timestamptz takes the other's.
    const bool absolute = (left.fixed || left.absolute) && (right.fixed || right.absolute);
    const int64_t offset = right.offset - left.offset;
    if (!left.fixed && !right.fixed && offset != 0) return {Epoch(left), Epoch(right)};
    std::string l = BaseBeside(left, absolute, right), r = BaseBeside(right, absolute, left);
    if (right.fixed)
        r = PlusSeconds(r, offset);
    else
        l = PlusSeconds(l, -offset);
    return {l, r};
}

// A duration in seconds, numeric.
std::string Seconds(const CompiledValue& value) {
    if (value.literal) return std::to_string(value.seconds);
    if (value.difference)
        return "(" + Epoch(value.difference->first) + " - " + Epoch(value.difference->second) + ")";
    return "EXTRACT(epoch FROM " + value.sql + ")";
}

Aligned AlignDurations(const CompiledValue& left, const CompiledValue& right) {
    // a - b < 7d is a < b + 7d, for which an index may help.
    if (left.difference && right.literal)
        return AlignInstants(left.difference->first, ShiftInstant(left.difference->second, right.seconds));
    if (left.literal && right.difference)
        return AlignInstants(ShiftInstant(right.difference->second, left.seconds), right.difference->first);
    if (left.difference || right.difference) return {Seconds(left), Seconds(right)};
    return {ToSql(left), ToSql(right)};
}

Aligned AlignNumbers(const CompiledValue& left, const CompiledValue& right) {
    if (left.literal || right.literal)
        return {left.literal ? NumberFor(left, right.sql_type) : left.sql,
                right.literal ? NumberFor(right, left.sql_type) : right.sql};
    // numeric as double precision could overflow; double precision as numeric cannot.
    if (IsNumeric(left.sql_type) && IsFloat(right.sql_type)) return {left.sql, AsNumeric(right)};
    if (IsFloat(left.sql_type) && IsNumeric(right.sql_type)) return {AsNumeric(left), right.sql};
    return {left.sql, right.sql};
}

bool IsComparison(Op op) {
    return op == Op::kEqual || op == Op::kNotEqual || op == Op::kLess || op == Op::kLessEqual ||
           op == Op::kGreater || op == Op::kGreaterEqual || op == Op::kIn || op == Op::kBetween;
}

const char* MismatchHint(const CompiledValue& left, const CompiledValue& right, Op op) {
    if (op == Op::kWithinLast || op == Op::kBeforeLast)
        return "Windows are for columns of type date, timestamp or timestamptz.";
    for (const CompiledValue* value : {&left, &right}) {
        if (IsCast(*value) && !IsComparison(op))
            return "Versions and addresses are compared by =, !=, <, <=, >, >=, between and in. For a part of "
                   "the text leave the cast out.";
        if (value->type == ValueType::kVersion)
            return "Compare a version with one in quotes, or with semver(…).";
        if (value->type == ValueType::kAddress)
            return "Compare an address with one in quotes, or with inet(…).";
    }
    const CompiledValue& literal = left.literal ? left : right;
    const CompiledValue& other = left.literal ? right : left;
    if (!literal.literal) return "Compare values of one type.";
    if (literal.type == ValueType::kText && other.type == ValueType::kNumber)
        return "Write numbers without quotes.";
    if (literal.type == ValueType::kText && other.type == ValueType::kBoolean)
        return "Write true or false without quotes.";
    if (other.type == ValueType::kText || other.type == ValueType::kEnum || other.type == ValueType::kOther)
        return "Write the value in quotes.";
    if (other.type == ValueType::kTimestamp)
        return "Compare it with a date or timestamp in quotes, such as \"2011-03-01\", with now, or use "
               "within last 7d.";
    if (left.dynamic || right.dynamic) return "Compare it with a number, a text, true, false, or a time.";
    if (other.type == ValueType::kJson) return "A value of this type can only be tested with is null.";
    if (other.type == ValueType::kArray) return "A list can be tested with contains and is null.";
    return "Compare values of one type.";
}

}  // namespace

std::string PlusSeconds(const std::string& instant, int64_t seconds) {
    if (seconds == 0) return instant;
    return "(" + instant + (seconds > 0 ? " + " : " - ") + Interval(std::llabs(seconds)) + ")";
}

bool IsCast(const CompiledValue& value) {
    return value.type == ValueType::kVersion || value.type == ValueType::kAddress;
}

bool IsNow(const CompiledValue& value) {
    return value.type == ValueType::kTimestamp && value.fixed && !value.moment;
}

std::string AtPosition(const Expr& expr) {
    return expr.position > 0 ? " at position " + std::to_string(expr.position) : "";
}

std::string Describe(const CompiledValue& value) {
    return PrintShort(*value.expr) + " is " + value.sql_type;
}

void Mismatch(const CompiledValue& left, const CompiledValue& right, Op op, const Expr& whole) {
    throw UserError(sqlstate::kDatatypeMismatch,
                    std::string("operator ") + Spelling(op) + " cannot take " + left.sql_type + " and " +
                        right.sql_type + " in rule" + AtPosition(whole),
                    Describe(left) + ", " + Describe(right) + ".", MismatchHint(left, right, op));
}

Aligned Align(const CompiledValue& left, const CompiledValue& right, Op op, const Expr& whole) {
    const auto text_literal = [](const CompiledValue& value) {
        return value.literal && value.type == ValueType::kText;
    };
    if (left.type == ValueType::kTimestamp && text_literal(right))
        return AlignInstants(left, ToInstant(right));
    if (right.type == ValueType::kTimestamp && text_literal(left))
        return AlignInstants(ToInstant(left), right);
    // A quoted literal takes the type of the other side: an enum, a uuid, an address.
    const auto open = [](const CompiledValue& value) {
        return value.type == ValueType::kEnum || value.type == ValueType::kOther;
    };
    if ((open(left) && text_literal(right)) || (open(right) && text_literal(left)))
        return {left.sql, right.sql};
    if (left.type != right.type) Mismatch(left, right, op, whole);
    switch (left.type) {
        case ValueType::kTimestamp: return AlignInstants(left, right);
        case ValueType::kDuration: return AlignDurations(left, right);
        case ValueType::kNumber: return AlignNumbers(left, right);
        case ValueType::kText:
        case ValueType::kVersion:
        case ValueType::kAddress: return {left.sql, right.sql};
        case ValueType::kBoolean:
            if (op == Op::kEqual || op == Op::kNotEqual || op == Op::kIn || op == Op::kCoalesce)
                return {left.sql, right.sql};
            break;
        case ValueType::kEnum:
        case ValueType::kOther:
            if (left.sql_type == right.sql_type) return {left.sql, right.sql};
            break;
        case ValueType::kArray:
        case ValueType::kJson: break;
    }
    Mismatch(left, right, op, whole);
}

std::string ToSql(const CompiledValue& value) {
    if (value.dynamic) return "NULLIF(" + value.sql + ", 'null'::jsonb)";
    if (value.type == ValueType::kDuration) {
        if (value.literal) return Interval(value.seconds);
        return value.difference ? Seconds(value) : value.sql;
    }
    if (value.type != ValueType::kTimestamp) return value.sql;
    const std::string base = Base(value, value.absolute);
    if (value.fixed || value.offset == 0) return PlusSeconds(base, value.offset);
    // Beyond these years the sum could leave the range of the type, which is an error: the result is null
    // instead.
    return "(CASE WHEN " + base + " BETWEEN " + MomentLiteral(*ParseMoment("0001-01-01"), value.absolute) +
           " AND " + MomentLiteral(*ParseMoment("9999-12-31"), value.absolute) + " THEN " +
           PlusSeconds(base, value.offset) + " END)";
}

std::string AsNumeric(const CompiledValue& value) {
    return IsNumeric(value.sql_type) && !value.literal ? value.sql : "(" + value.sql + ")::numeric";
}

std::string AsText(const CompiledValue& value) {
    return value.sql_type == "text" && !value.literal ? value.sql : "(" + value.sql + ")::text";
}

std::string Epoch(const CompiledValue& value) {
    const std::string epoch = "EXTRACT(epoch FROM " + Base(value, value.absolute) + ")";
    if (value.offset == 0) return epoch;
    return "(" + epoch + (value.offset > 0 ? " + " : " - ") + std::to_string(std::llabs(value.offset)) + ")";
}

std::string NumberFor(const CompiledValue& literal, const std::string& sql_type) {
    if (sql_type != "real") return literal.sql;
    const double value = std::abs(std::strtod(As<Number>(*literal.expr)->digits.c_str(), nullptr));
    return literal.sql + (value == 0 || (value > 1e-37 && value < 3e38) ? "::real" : "::double precision");
}

CompiledValue ToInstant(const CompiledValue& value) {
    if (value.dynamic || value.from_json) return AsType(value, ValueType::kTimestamp);
    if (value.type != ValueType::kText || !value.literal) return value;
    const auto moment = ParseMoment(As<Text>(*value.expr)->value);
    if (!moment)
        throw UserError(sqlstate::kInvalidDatetime,
                        "invalid date or timestamp in rule" + AtPosition(*value.expr),
                        PrintShort(*value.expr) + " is no date or timestamp.",
                        "Write \"2011-03-01\", \"2011-03-01 06:00\" or \"2011-03-01T06:00:00+01:00\"; "
                        "without an offset it is UTC.");
    return CompiledValue{.type = ValueType::kTimestamp,
                         .sql = "",
                         .sql_type = "timestamp with time zone",
                         .expr = value.expr,
                         .literal = true,
                         .fixed = true,
                         .absolute = true,
                         .moment = moment};
}

CompiledValue ShiftInstant(CompiledValue value, int64_t seconds) {
    value.offset += seconds;
    if (std::llabs(value.offset) > kMaxDuration)
        throw UserError(sqlstate::kProgramLimit,
                        "durations in rule add up to more than 1000 years" + AtPosition(*value.expr),
                        "They are added to " + PrintShort(*value.expr) + ".", "Use shorter durations.");
    value.literal = false;
    for (CompiledValue& option : value.options) option.offset += seconds;
    return value;
}

}  // namespace pulse::rule
