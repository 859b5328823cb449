#include "pulse/rule/compile.hpp"

#include <algorithm>

#include "pulse/base/error.hpp"
#include "pulse/rule/operators.hpp"
#include "pulse/rule/print.hpp"
#include "pulse/rule/value.hpp"

namespace pulse::rule {

namespace {

const char* SqlOperator(Op op) {
    switch (op) {
        case Op::kNotEqual: return " <> ";
        case Op::kEqual: return " = ";
        case Op::kLess: return " < ";
        case Op::kLessEqual: return " <= ";
        case Op::kGreater: return " > ";
        case Op::kGreaterEqual: return " >= ";
        case Op::kAdd: return " + ";
        case Op::kSubtract: return " - ";
        case Op::kMultiply: return " * ";
        case Op::kDivide: return " / ";
        case Op::kModulo: return " % ";
        default: return "";
    }
}

bool IsTextual(const Value& value) { return value.type == Type::kText || value.type == Type::kEnum; }

std::string Lower(const std::string& text) { return "pg_catalog.lower(" + text + ")"; }
// Byte by byte: exact, fast, and no collation can refuse it.
std::string Bytewise(const std::string& text) { return text + " COLLATE pg_catalog.\"C\""; }

// One pass over a tree. Every SQL it makes is complete in itself: parenthesised, or a single term.
class Compiler {
  public:
    Compiler(const Scope& scope, const std::string& now_sql) : scope_(scope), now_sql_(now_sql) {}

    const std::vector<std::string>& columns() const { return columns_; }

    Value Eval(const Expr& expr) {
        return std::visit([&](const auto& node) { return Of(node, expr); }, expr.node);
    }

    std::string Condition(const Expr& expr) {
        const Value value = Eval(expr);
        if (value.type == Type::kBoolean) return value.sql;
        throw UserError(sqlstate::kDatatypeMismatch, "not a condition in rule" + At(expr), Describe(value) + ", not boolean.",
                        "Compare it with something or test it with is not null.");
    }

  private:
    Value Of(const Null&, const Expr& expr) {
        throw UserError(sqlstate::kDatatypeMismatch, "null cannot stand here in rule" + At(expr),
                        "A comparison with null is never true, except by = and !=.", "Use is null, is not null, or x ?? value.");
    }
    Value Of(const Boolean& node, const Expr& expr) {
        return {.type = Type::kBoolean, .sql = node.value ? "true" : "false", .sql_type = "boolean", .expr = &expr, .literal = true};
    }
    Value Of(const Number& node, const Expr& expr) {
        const std::string sql = node.digits.front() == '-' ? "(" + node.digits + ")" : node.digits;
        return {.type = Type::kNumber, .sql = sql, .sql_type = "numeric", .expr = &expr, .literal = true};
    }
    Value Of(const Text& node, const Expr& expr) {
        return {.type = Type::kText, .sql = QuoteText(node.value), .sql_type = "text", .expr = &expr, .literal = true};
    }
    Value Of(const Duration& node, const Expr& expr) {
        return {.type = Type::kDuration, .sql = "", .sql_type = "duration", .expr = &expr, .literal = true, .seconds = node.seconds};
    }
    Value Of(const List&, const Expr& expr) {
        throw UserError(sqlstate::kDatatypeMismatch, "a list cannot stand here in rule" + At(expr), PrintShort(expr) + " is a list.",
                        "A list stands after \"in\" or \"not in\".");
    }

    Value Of(const Reference& node, const Expr& expr) {
        const Resolved resolved = scope_.Resolve(node, expr.position);
        if (!resolved.column.empty() && std::find(columns_.begin(), columns_.end(), resolved.column) == columns_.end())
            columns_.push_back(resolved.column);
        return {.type = resolved.type, .sql = resolved.sql, .sql_type = resolved.sql_type, .expr = &expr,
                .absolute = resolved.sql_type.ends_with("with time zone")};
    }

    Value Of(const Call& node, const Expr& expr) {
        if (node.function == Function::kNow) return Now(expr);
        const Value argument = Eval(*node.arguments[0]);
        switch (node.function) {
            case Function::kLower: return TextOf(Lower(RequireText(argument, expr)), expr);
            case Function::kUpper: return TextOf("pg_catalog.upper(" + RequireText(argument, expr) + ")", expr);
            case Function::kLen:
                if (argument.type == Type::kArray) return NumberOf("pg_catalog.cardinality(" + argument.sql + ")", "integer", expr);
                return NumberOf("pg_catalog.char_length(" + RequireText(argument, expr) + ")", "integer", expr);
            case Function::kAbs: return NumberOf("pg_catalog.abs(" + RequireNumber(argument, expr) + ")", "numeric", expr);
            case Function::kRound: return Round(node, argument, expr);
            case Function::kDaysSince: {
                const Value instant = ToInstant(argument);
                if (instant.type != Type::kTimestamp) WrongArgument(argument, "a date or timestamp", expr);
                return NumberOf("pg_catalog.floor((" + Epoch(Now(expr)) + " - " + Epoch(instant) + ") / 86400)", "numeric", expr);
            }
            case Function::kNow: break;
        }
        return Now(expr);
    }

    Value Of(const Operation& node, const Expr& expr) {
        switch (node.op) {
            case Op::kOr: return Truth(Join(node, " OR "), expr);
            case Op::kAnd: return Truth(Join(node, " AND "), expr);
            case Op::kNot: return Truth("(NOT " + Condition(*node.operands[0]) + ")", expr);
            case Op::kIsNull: return Truth("(" + Plain(Eval(*node.operands[0])) + " IS NULL)", expr);
            case Op::kIn: return In(node, expr);
            case Op::kCoalesce: return Coalesce(node, expr);
            case Op::kNegate: return NumberOf("(- " + RequireNumber(Eval(*node.operands[0]), expr) + ")", "numeric", expr);
            default: break;
        }
        const Value left = Eval(*node.operands[0]), right = Eval(*node.operands[1]);
        switch (node.op) {
            case Op::kBetween: {
                const Value high = Eval(*node.operands[2]);
                return Truth("(" + Compare(left, Op::kGreaterEqual, right, expr) + " AND " + Compare(left, Op::kLessEqual, high, expr) + ")", expr);
            }
            case Op::kContains:
                if (left.type == Type::kArray) return ListContains(left, right, expr);
                [[fallthrough]];
            case Op::kStartsWith:
            case Op::kEndsWith: return Truth(PartOfText(node.op, left, right, expr), expr);
            case Op::kMatches: return Matches(left, right, expr);
            case Op::kWithinLast:
            case Op::kBeforeLast: return Truth(Window(node.op, left, right, expr), expr);
            case Op::kAdd:
            case Op::kSubtract:
                if (left.type != Type::kNumber || right.type != Type::kNumber) return TimeArithmetic(node.op, left, right, expr);
                [[fallthrough]];
            case Op::kMultiply:
            case Op::kDivide:
            case Op::kModulo: return Arithmetic(node.op, left, right, expr);
            default: return Truth(Compare(left, node.op, right, expr), expr);
        }
    }

    static Value Truth(std::string sql, const Expr& expr) {
        return {.type = Type::kBoolean, .sql = std::move(sql), .sql_type = "boolean", .expr = &expr};
    }
    static Value TextOf(std::string sql, const Expr& expr) {
        return {.type = Type::kText, .sql = std::move(sql), .sql_type = "text", .expr = &expr};
    }
    static Value NumberOf(std::string sql, const char* sql_type, const Expr& expr) {
        return {.type = Type::kNumber, .sql = std::move(sql), .sql_type = sql_type, .expr = &expr};
    }
    Value Now(const Expr& expr) const {
        return {.type = Type::kTimestamp, .sql = now_sql_, .sql_type = "timestamp with time zone", .expr = &expr, .fixed = true, .absolute = true};
    }

    [[noreturn]] static void WrongArgument(const Value& value, const char* wanted, const Expr& expr) {
        throw UserError(sqlstate::kDatatypeMismatch, "wrong type in rule" + At(expr), Describe(value) + "; " + PrintShort(expr) + " needs " + wanted + ".",
                        kFunctionHint);
    }
    static std::string RequireText(const Value& value, const Expr& expr) {
        if (!IsTextual(value)) WrongArgument(value, "a text", expr);
        return AsText(value);
    }
    static std::string RequireNumber(const Value& value, const Expr& expr) {
        if (value.type != Type::kNumber) WrongArgument(value, "a number", expr);
        return AsNumeric(value);
    }

    std::string Join(const Operation& node, const char* between) {
        std::string sql = "(";
        for (size_t i = 0; i < node.operands.size(); ++i) sql += (i > 0 ? between : "") + Condition(*node.operands[i]);
        return sql + ")";
    }

    static std::string Compare(const Value& left, Op op, const Value& right, const Expr& expr) {
        const Aligned aligned = Align(left, right, op, expr);
        return "(" + aligned.left + SqlOperator(op) + aligned.right + ")";
    }

    Value In(const Operation& node, const Expr& expr) {
        const Value value = Eval(*node.operands[0]);
        const List& list = *As<List>(*node.operands[1]);
        // Literals never change the other side, so the first alignment's left is that of all.
        std::string left, items;
        for (const ExprPtr& item : list.items) {
            Aligned aligned = Align(value, Eval(*item), Op::kIn, expr);
            items += (items.empty() ? "" : ", ") + aligned.right;
            left = std::move(aligned.left);
        }
        return Truth("(" + left + " IN (" + items + "))", expr);
    }

    // The first value that is not null. All of one type; numbers of different types meet as numeric.
    Value Coalesce(const Operation& node, const Expr& expr) {
        std::vector<Value> values;
        for (const ExprPtr& operand : node.operands) values.push_back(Eval(*operand));
        const auto data = std::find_if(values.begin(), values.end(), [](const Value& v) { return !v.literal && !v.fixed; });
        const Value model = data == values.end() ? values.front() : *data;
        bool same = model.type != Type::kNumber || model.sql_type == "real" || model.sql_type == "double precision";
        for (Value& value : values) {
            if (model.type == Type::kTimestamp) value = ToInstant(value);
            Align(model, value, Op::kCoalesce, expr);  // for its checks
            const bool fits = value.literal || value.fixed || value.sql_type == model.sql_type;
            if (value.difference || (!fits && model.type == Type::kTimestamp)) Mismatch(model, value, Op::kCoalesce, expr);
            same = same && fits;
        }
        std::string sql = "COALESCE(";
        for (size_t i = 0; i < values.size(); ++i) sql += (i > 0 ? ", " : "") + Alternative(values[i], model, same);
        Value result = model;
        result.sql = sql + ")";
        result.expr = &expr;
        result.literal = result.fixed = false;
        result.offset = 0;
        result.moment.reset();
        result.difference.reset();
        if (model.type == Type::kNumber && !same) result.sql_type = "numeric";
        return result;
    }

    static std::string Alternative(const Value& value, const Value& model, bool same) {
        if (model.type == Type::kNumber) return same ? (value.literal ? NumberFor(value, model.sql_type) : value.sql) : AsNumeric(value);
        if (model.type == Type::kTimestamp && value.fixed && !model.absolute) {
            // now and literals in the column's own kind of time
            Value bare = model;
            bare.offset = 0;
            return Align(bare, value, Op::kEqual, *value.expr).right;
        }
        return Plain(value);
    }

    Value ListContains(const Value& list, const Value& item, const Expr& expr) {
        const std::string element = list.sql_type.substr(0, list.sql_type.size() - 2);
        if (!item.literal) WrongArgument(item, "a literal on its right", expr);
        const Value any{.type = TypeOf(element), .sql = list.sql, .sql_type = element, .expr = list.expr, .absolute = element.ends_with("with time zone")};
        return Truth("(" + Align(any, item, Op::kContains, expr).right + " = ANY (" + list.sql + "))", expr);
    }

    // Upper and lower case do not matter here. No LIKE: its pattern signs would have to be escaped.
    static std::string PartOfText(Op op, const Value& left, const Value& right, const Expr& expr) {
        if (!IsTextual(left) || !IsTextual(right)) Mismatch(left, right, op, expr);
        const std::string whole = Lower(AsText(left)), part = Lower(AsText(right));
        if (op == Op::kContains) return "(pg_catalog.strpos(" + Bytewise(whole) + ", " + part + ") > 0)";
        if (op == Op::kStartsWith) return "pg_catalog.starts_with(" + Bytewise(whole) + ", " + part + ")";
        return "(" + Bytewise("pg_catalog.\"right\"(" + whole + ", pg_catalog.char_length(" + part + "))") + " = " + part + ")";
    }

    static Value Matches(const Value& left, const Value& right, const Expr& expr) {
        if (!IsTextual(left) || right.type != Type::kText) Mismatch(left, right, Op::kMatches, expr);
        // A pattern from data could be invalid for some row only, and fail then.
        if (!right.literal)
            throw UserError(sqlstate::kNotSupported, "the pattern of matches must be a text in quotes in rule" + At(expr), Describe(right) + ".",
                            "Write the regular expression itself, such as matches \"^A[0-9]+$\".");
        return Truth("(" + AsText(left) + " ~ " + right.sql + ")", expr);
    }

    std::string Window(Op op, const Value& value, const Value& span, const Expr& expr) {
        const Value instant = ToInstant(value);
        if (instant.type != Type::kTimestamp) Mismatch(value, span, op, expr);
        const Value now = Now(expr), start = Shifted(now, -span.seconds);
        if (op == Op::kBeforeLast) return Compare(instant, Op::kLessEqual, start, expr);
        return "(" + Compare(instant, Op::kGreater, start, expr) + " AND " + Compare(instant, Op::kLessEqual, now, expr) + ")";
    }

    Value Round(const Call& node, const Value& value, const Expr& expr) {
        std::string sql = "pg_catalog.round(" + RequireNumber(value, expr);
        if (node.arguments.size() == 2) {
            const Number* digits = As<Number>(*node.arguments[1]);
            if (!digits || digits->digits.size() > 2 || digits->digits.find_first_not_of("0123456789") != std::string::npos)
                throw UserError(sqlstate::kInvalidParameter, "invalid number of digits in rule" + At(expr),
                                PrintShort(*node.arguments[1]) + " is not a whole number from 0 to 99.", "Write round(ltv, 2).");
            sql += ", " + digits->digits;
        }
        return NumberOf(sql + ")", "numeric", expr);
    }

    // In numeric throughout: sums of integers do not overflow, 1 / 2 is 0.5, and dividing by a zero in the data gives null.
    static Value Arithmetic(Op op, const Value& left, const Value& right, const Expr& expr) {
        if (left.type != Type::kNumber || right.type != Type::kNumber) Mismatch(left, right, op, expr);
        std::string divisor = AsNumeric(right);
        if (op == Op::kDivide || op == Op::kModulo) {
            const Number* literal = As<Number>(*right.expr);
            if (literal && literal->digits == "0")
                throw UserError(sqlstate::kDivisionByZero, "division by zero in rule" + At(expr), PrintShort(expr) + " has no value.", "Divide by something else.");
            if (!literal) divisor = "NULLIF(" + divisor + ", 0)";
        }
        return NumberOf("(" + AsNumeric(left) + SqlOperator(op) + divisor + ")", "numeric", expr);
    }

    // instant ± duration, duration ± duration, instant - instant.
    static Value TimeArithmetic(Op op, const Value& left, const Value& right, const Expr& expr) {
        const int64_t sign = op == Op::kAdd ? 1 : -1;
        const auto constant = [](const Value& v) { return v.type == Type::kDuration && v.literal; };
        if (constant(left) && constant(right)) {
            const int64_t seconds = left.seconds + sign * right.seconds;
            if (seconds > kMaxDuration || seconds < -kMaxDuration) Mismatch(left, right, op, expr);
            return {.type = Type::kDuration, .sql = "", .sql_type = "duration", .expr = &expr, .literal = true, .seconds = seconds};
        }
        const Value from = constant(right) ? ToInstant(left) : left, to = constant(left) ? ToInstant(right) : right;
        if (from.type == Type::kTimestamp && constant(right)) return Moved(from, sign * right.seconds, expr);
        if (op == Op::kAdd && constant(left) && to.type == Type::kTimestamp) return Moved(to, left.seconds, expr);
        if (op == Op::kSubtract && (left.type == Type::kTimestamp || right.type == Type::kTimestamp)) {
            const Value first = ToInstant(left), second = ToInstant(right);
            if (first.type == Type::kTimestamp && second.type == Type::kTimestamp)
                return {.type = Type::kDuration, .sql = "", .sql_type = "duration", .expr = &expr,
                        .difference = std::make_shared<const std::pair<Value, Value>>(first, second)};
        }
        Mismatch(left, right, op, expr);
    }

    static Value Moved(const Value& instant, int64_t seconds, const Expr& expr) {
        Value moved = Shifted(instant, seconds);
        moved.expr = &expr;
        if (moved.sql_type == "date") moved.sql_type = "timestamp without time zone";
        return moved;
    }

    const Scope& scope_;
    const std::string& now_sql_;
    std::vector<std::string> columns_;
};

}  // namespace

Compiled Compile(const Expr& expr, const Scope& scope, Expect expect, const std::string& now_sql) {
    Compiler compiler(scope, now_sql);
    Compiled compiled{.text = Print(expr), .sql = "", .type = Type::kBoolean, .sql_type = "boolean", .columns = {}, .clauses = {}};
    if (const Operation* all = AsOp(expr, Op::kAnd)) {
        for (const ExprPtr& operand : all->operands) {
            compiled.clauses.push_back({Print(*operand), compiler.Condition(*operand)});
            compiled.sql += (compiled.sql.empty() ? "(" : " AND ") + compiled.clauses.back().sql;
        }
        compiled.sql += ")";
    } else if (expect == Expect::kBoolean) {
        compiled.sql = compiler.Condition(expr);
        compiled.clauses.push_back({compiled.text, compiled.sql});
    } else {
        const Value value = compiler.Eval(expr);
        if (value.type == Type::kDuration && value.sql.empty())
            throw UserError(sqlstate::kDatatypeMismatch, "a duration cannot be a result in rule" + At(expr), Describe(value) + ".",
                            "Compare it, as in now - created_at > 7d, or use days_since(created_at).");
        compiled.sql = Plain(value);
        compiled.type = value.type;
        compiled.sql_type = value.sql_type;
        compiled.clauses.push_back({compiled.text, compiled.sql});
    }
    compiled.columns = compiler.columns();
    return compiled;
}

}  // namespace pulse::rule
