#include "pulse/rule/compile.hpp"

#include <algorithm>

#include "pulse/base/error.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/rule/next_change.hpp"
#include "pulse/rule/cast.hpp"
#include "pulse/rule/dynamic_value.hpp"
#include "pulse/rule/list.hpp"
#include "pulse/rule/operators.hpp"
#include "pulse/rule/expression.hpp"
#include "pulse/rule/print.hpp"

namespace pulse::rule {

namespace {

constexpr size_t kMaxSql = 32 * kMaxText;

// Compiles in one pass over a tree. Every SQL fragment is self-contained: parenthesised, or a single term.
class Compiler {
  public:
    Compiler(const Scope& scope, const std::string& now_sql)
        : scope_(scope), now_sql_(now_sql), next_change_(now_sql) {}

    const std::vector<std::string>& columns() const { return columns_; }
    std::string Until() const { return next_change_.Until(); }
    // The value of a rule, which may also be a list.
    CompiledValue Whole(const Expr& expr) {
        const List* list = As<List>(expr);
        return list ? ListValue(EvalAll(list->items), expr) : Shown(Eval(expr));
    }
    void Result(const CompiledValue& value) { next_change_.AddResult(value); }

    CompiledValue Eval(const Expr& expr) {
        CompiledValue value = std::visit([&](const auto& node) { return Of(node, expr); }, expr.node);
        // Some constructs repeat an operand in the SQL; deeply nested, a short rule would exhaust memory.
        if (value.sql.size() > kMaxSql)
            throw UserError(sqlstate::kProgramLimit, "rule is too complex" + AtPosition(expr),
                            "The SQL of " + PrintShort(expr) + " has " + std::to_string(value.sql.size()) +
                                " bytes; at most " + std::to_string(kMaxSql) + " are allowed.",
                            "Use fewer nested ?? of moved dates and times, and fewer any() and all() in one "
                            "another.");
        return value;
    }

    std::string Condition(const Expr& expr) {
        const CompiledValue value = AsType(Eval(expr), ValueType::kBoolean);
        if (value.type == ValueType::kBoolean) return value.sql;
        throw UserError(sqlstate::kDatatypeMismatch, "not a condition in rule" + AtPosition(expr),
                        Describe(value) + ", not boolean.",
                        "Compare it with something or test it with is not null.");
    }

  private:
    CompiledValue Of(const Null&, const Expr& expr) {
        throw UserError(sqlstate::kDatatypeMismatch, "null is not allowed here in rule" + AtPosition(expr),
                        "A comparison with null is never true, except by = and !=.",
                        "Use is null, is not null, or x ?? value.");
    }
    CompiledValue Of(const Boolean& node, const Expr& expr) {
        return {.type = ValueType::kBoolean,
                .sql = node.value ? "true" : "false",
                .sql_type = "boolean",
                .expr = &expr,
                .literal = true};
    }
    CompiledValue Of(const Number& node, const Expr& expr) {
        const std::string sql = node.digits.front() == '-' ? "(" + node.digits + ")" : node.digits;
        const size_t point = node.digits.find('.'), whole = std::min(point, node.digits.size());
        return {.type = ValueType::kNumber,
                .sql = sql,
                .sql_type = "numeric",
                .expr = &expr,
                .literal = true,
                .size = {static_cast<int64_t>(whole), static_cast<int64_t>(node.digits.size() - whole)}};
    }
    CompiledValue Of(const Text& node, const Expr& expr) {
        return {.type = ValueType::kText,
                .sql = QuoteText(node.value),
                .sql_type = "text",
                .expr = &expr,
                .literal = true};
    }
    CompiledValue Of(const Duration& node, const Expr& expr) {
        return {.type = ValueType::kDuration,
                .sql = "",
                .sql_type = "duration",
                .expr = &expr,
                .literal = true,
                .seconds = node.seconds};
    }
    CompiledValue Of(const List&, const Expr& expr) {
        throw UserError(
            sqlstate::kDatatypeMismatch, "a list is not allowed here in rule" + AtPosition(expr),
            PrintShort(expr) + " is a list.",
            "A list is allowed after in, contains_any and contains_all, and list(…) beside = and !=.");
    }

    CompiledValue Of(const Reference& node, const Expr& expr) {
        if (const Expr* meaning = scope_.Substitute(node)) {
            CompiledValue value = Eval(*meaning);
            value.expr = &expr;
            return value;
        }
        return Of(scope_.Resolve(node, expr.position), expr);
    }

    CompiledValue Of(const Resolved& resolved, const Expr& expr) {
        if (!resolved.column.empty() &&
            std::find(columns_.begin(), columns_.end(), resolved.column) == columns_.end())
            columns_.push_back(resolved.column);
        return {.type = resolved.type,
                .sql = resolved.sql,
                .sql_type = resolved.sql_type,
                .expr = &expr,
                .dynamic = resolved.dynamic,
                .absolute = resolved.sql_type.ends_with("with time zone")};
    }

    CompiledValue Of(const Metric&, const Expr& expr) {
        CompiledValue value = Of(scope_.ResolveMetric(expr), expr);
        if (value.type == ValueType::kNumber) value.size = kSum;
        return value;
    }

    CompiledValue Of(const Call& node, const Expr& expr) {
        if (node.function == Function::kNow) return Now(expr);
        if (node.function == Function::kIf) return If(node, expr);
        const CompiledValue argument = Eval(*node.arguments[0]);
        switch (node.function) {
            case Function::kLower:
                return TextOf("pg_catalog.lower(" + RequireText(argument, expr) + ")", expr);
            case Function::kUpper:
                return TextOf("pg_catalog.upper(" + RequireText(argument, expr) + ")", expr);
            case Function::kLen:
                if (argument.dynamic) return JsonLength(argument, expr);
                if (argument.type == ValueType::kArray)
                    return NumberOf("pg_catalog.cardinality(" + argument.sql + ")", "integer", expr, kCount);
                return NumberOf("pg_catalog.char_length(" + RequireText(argument, expr) + ")", "integer",
                                expr, kCount);
            case Function::kAbs:
                return Ticking(NumberOf("pg_catalog.abs(" + RequireNumber(argument, expr) + ")", "numeric",
                                        expr, AsType(argument, ValueType::kNumber).size),
                               {argument});
            case Function::kRound: return Ticking(Round(node, argument, expr), {argument});
            case Function::kSecondsSince: return Since(argument, 1, expr);
            case Function::kMinutesSince: return Since(argument, 60, expr);
            case Function::kHoursSince: return Since(argument, 3600, expr);
            case Function::kDaysSince: return Since(argument, 86400, expr);
            case Function::kIf:
            case Function::kNow: break;
            case Function::kNumber:
            case Function::kSemver:
            case Function::kInet:
            case Function::kIgnoreCase:
            case Function::kType: return Cast(node.function, argument, scope_.CallsPulse(), expr);
        }
        return Now(expr);
    }

    CompiledValue Of(const Elements& node, const Expr& expr) {
        const CompiledValue list = Eval(*node.list);
        if (!scope_.CallsPulse())
            throw UserError(sqlstate::kNotSupported,
                            std::string(node.all ? "all" : "any") +
                                "() is not available in a relation segment" + AtPosition(expr),
                            Describe(list) + ".",
                            "Use it in rules over people, or define the segment by a query.");
        if (!list.dynamic || list.folded)
            WrongArgument(list, "a list in an attribute or a property, without a cast", expr);
        return ForElements(node.all, list, *node.condition, expr);
    }

    CompiledValue Since(const CompiledValue& argument, int64_t unit, const Expr& expr) {
        const CompiledValue instant = ToInstant(argument);
        if (instant.type != ValueType::kTimestamp) WrongArgument(argument, "a date or timestamp", expr);
        CompiledValue value = NumberOf("pg_catalog.floor((" + Epoch(Now(expr)) + " - " + Epoch(instant) +
                                           ") / " + std::to_string(unit) + ")",
                                       "numeric", expr, kCount);
        for (const CompiledValue& start :
             instant.options.empty() ? std::vector<CompiledValue>{instant} : instant.options)
            if (!IsNow(start)) value.ticks.push_back({std::make_shared<const CompiledValue>(start), unit});
        return value;
    }

    // A number computed from others changes when one of them changes.
    static CompiledValue Ticking(CompiledValue value, const std::vector<CompiledValue>& from) {
        for (const CompiledValue& number : from)
            value.ticks.insert(value.ticks.end(), number.ticks.begin(), number.ticks.end());
        value.simple = value.ticks.empty();
        return value;
    }

    CompiledValue If(const Call& node, const Expr& expr) {
        const std::string condition = Condition(*node.arguments[0]);
        // null as one of both: no value there.
        const bool first = !As<Null>(*node.arguments[1]), second = !As<Null>(*node.arguments[2]);
        if (first && !second) return Choice({Eval(*node.arguments[1])}, condition, expr);
        if (second && !first)
            return Choice({Eval(*node.arguments[2])}, "(NOT COALESCE(" + condition + ", false))", expr);
        return Choice({Eval(*node.arguments[1]), Eval(*node.arguments[2])}, condition, expr);
    }

    CompiledValue Of(const Operation& node, const Expr& expr) {
        switch (node.op) {
            case Op::kOr: return BooleanOf(Join(node, " OR "), expr);
            case Op::kAnd: return BooleanOf(Join(node, " AND "), expr);
            case Op::kNot: return BooleanOf("(NOT " + Condition(*node.operands[0]) + ")", expr);
            case Op::kIsNull: return BooleanOf("(" + ToSql(Eval(*node.operands[0])) + " IS NULL)", expr);
            case Op::kIn: return In(node, expr);
            case Op::kContainsAny:
            case Op::kContainsAll:
                return ContainsEach(node.op, Eval(*node.operands[0]), EvalList(node), expr);
            case Op::kEqual:
            case Op::kNotEqual:
                if (As<List>(*node.operands[1]))
                    return EqualsList(node.op, Eval(*node.operands[0]), EvalList(node), expr);
                break;
            case Op::kCoalesce: return Choice(EvalAll(node.operands), "", expr);
            case Op::kNegate: {
                const CompiledValue value = Eval(*node.operands[0]);
                return Ticking(NumberOf("(- " + RequireNumber(value, expr) + ")", "numeric", expr,
                                        AsType(value, ValueType::kNumber).size),
                               {value});
            }
            default: break;
        }
        const CompiledValue left = Eval(*node.operands[0]), right = EvalRight(*node.operands[1]);
        switch (node.op) {
            case Op::kBetween: {
                const CompiledValue high = Eval(*node.operands[2]);
                return BooleanOf("(" + Comparison(left, Op::kGreaterEqual, right, expr) + " AND " +
                                     Comparison(left, Op::kLessEqual, high, expr) + ")",
                                 expr);
            }
            case Op::kContains: return Contains(left, right, expr);
            case Op::kStartsWith:
            case Op::kEndsWith: return PartOfText(node.op, left, right, expr);
            case Op::kMatches: return Matches(left, right, expr);
            case Op::kWithinLast:
            case Op::kBeforeLast: return BooleanOf(Window(node.op, left, right, expr), expr);
            case Op::kAdd:
            case Op::kSubtract:
                if (AsType(left, ValueType::kNumber).type != ValueType::kNumber ||
                    AsType(right, ValueType::kNumber).type != ValueType::kNumber)
                    return TimeArithmetic(node.op, left, right, expr);
                [[fallthrough]];
            case Op::kMultiply:
            case Op::kDivide:
            case Op::kModulo: return Ticking(Arithmetic(node.op, left, right, expr), {left, right});
            default: return BooleanOf(Comparison(left, node.op, right, expr), expr);
        }
    }

    // The right side of an operator: an unknown name there is often a text without its quotes.
    CompiledValue EvalRight(const Expr& expr) {
        const Reference* name = As<Reference>(expr);
        if (!name || name->path.size() != 1) return Eval(expr);
        try {
            return Eval(expr);
        } catch (const UserError& error) {
            if (error.state() != sqlstate::kUndefinedColumn) throw;
            throw UserError(
                sqlstate::kUndefinedColumn, error.message(), error.detail(),
                "A text is written in quotes: \"" + Shorten(name->path[0], 40) + "\". " + error.hint());
        }
    }

    std::string Comparison(const CompiledValue& first, Op op, const CompiledValue& second, const Expr& expr) {
        const CompiledValue left = Beside(first, second), right = Beside(second, first);
        if (ComparesAsJson(left, op, right)) return CompareJson(left, op, right);
        const CompiledValue a = AsTypeOf(left, right, op), b = AsTypeOf(right, left, op);
        std::string sql = Compare(a, op, b, expr);
        next_change_.AddComparison(a, op, b);
        return sql;
    }

    CompiledValue Now(const Expr& expr) const {
        if (now_sql_.empty())
            throw UserError(sqlstate::kNotSupported,
                            "the time is not available in a condition on elements" + AtPosition(expr),
                            PrintShort(expr) + " depends on it.", kElementsHint);
        return {.type = ValueType::kTimestamp,
                .sql = now_sql_,
                .sql_type = "timestamp with time zone",
                .expr = &expr,
                .fixed = true,
                .absolute = true};
    }

    std::vector<CompiledValue> EvalAll(const std::vector<ExprPtr>& exprs) {
        std::vector<CompiledValue> values;
        for (const ExprPtr& expr : exprs) values.push_back(Eval(*expr));
        return values;
    }

    std::vector<CompiledValue> EvalList(const Operation& node) {
        const Expr& list = *node.operands[1];
        if (const List* literals = As<List>(list)) return EvalAll(literals->items);
        throw UserError(
            sqlstate::kDatatypeMismatch, "not a list in rule" + AtPosition(list),
            PrintShort(list) + " is not a list of values.",
            "Write one, such as [\"free\", \"pro\"], or name a trait that is one, such as list(\"free\", "
            "\"pro\").");
    }

    std::string Join(const Operation& node, const char* between) {
        std::string sql = "(";
        for (size_t i = 0; i < node.operands.size(); ++i)
            sql += (i > 0 ? between : "") + Condition(*node.operands[i]);
        return sql + ")";
    }

    CompiledValue In(const Operation& node, const Expr& expr) {
        const CompiledValue value = Eval(*node.operands[0]);
        // An empty list contains nothing, so the value does not matter.
        std::vector<CompiledValue> literals = EvalList(node);
        if (literals.empty()) return BooleanOf("false", expr);
        if (value.type == ValueType::kAddress) return InNetworks(value, literals, expr);
        for (CompiledValue& literal : literals) literal = Beside(literal, value);
        if (value.dynamic || std::any_of(literals.begin(), literals.end(), [&](const CompiledValue& literal) {
                return ComparesAsJson(value, Op::kEqual, literal);
            }))
            return BooleanOf(JsonIn(value, literals), expr);
        // Literals never change the left side, so all alignments share the first one's.
        std::string left, items;
        for (const CompiledValue& literal : literals) {
            Aligned aligned = Align(value, literal, Op::kIn, expr);
            next_change_.AddComparison(value, Op::kEqual, literal);
            items += (items.empty() ? "" : ", ") + aligned.right;
            left = std::move(aligned.left);
        }
        return BooleanOf("(" + left + " IN (" + items + "))", expr);
    }

    std::string Window(Op op, const CompiledValue& value, const CompiledValue& span, const Expr& expr) {
        const CompiledValue instant = ToInstant(value);
        if (instant.type != ValueType::kTimestamp) Mismatch(value, span, op, expr);
        const CompiledValue now = Now(expr), start = ShiftInstant(now, -span.seconds);
        if (op == Op::kBeforeLast) return Comparison(instant, Op::kLessEqual, start, expr);
        return "(" + Comparison(instant, Op::kGreater, start, expr) + " AND " +
               Comparison(instant, Op::kLessEqual, now, expr) + ")";
    }

    const Scope& scope_;
    const std::string& now_sql_;
    NextChange next_change_;
    std::vector<std::string> columns_;
};

}  // namespace

Compiled Compile(const Expr& expr, const Scope& scope, Expect expect, const std::string& now_sql) {
    Compiler compiler(scope, now_sql);
    Compiled compiled{.text = Print(expr),
                      .sql = "",
                      .type = ValueType::kBoolean,
                      .sql_type = "boolean",
                      .columns = {},
                      .clauses = {}};
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
        const CompiledValue value = compiler.Whole(expr);
        if (value.type == ValueType::kDuration && value.sql.empty())
            throw UserError(sqlstate::kDatatypeMismatch,
                            "a duration cannot be a result in rule" + AtPosition(expr), Describe(value) + ".",
                            "Compare it, as in now - created_at > 7d, or use days_since(created_at).");
        compiler.Result(value);
        compiled.sql = ToSql(value);
        compiled.type = value.type;
        compiled.sql_type = value.sql_type;
        compiled.clauses.push_back({compiled.text, compiled.sql});
    }
    compiled.columns = compiler.columns();
    compiled.until = compiler.Until();
    return compiled;
}

}  // namespace pulse::rule
