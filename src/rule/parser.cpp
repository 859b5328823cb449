#include "pulse/rule/parser.hpp"

#include <utility>

#include "pulse/base/error.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/rule/literal.hpp"
#include "pulse/rule/metric.hpp"
#include "pulse/rule/metric_parser.hpp"
#include "pulse/rule/operators.hpp"
#include "pulse/rule/print.hpp"
#include "pulse/rule/token_stream.hpp"

namespace pulse::rule {

namespace {

// Recursive descent, one function per level of precedence, weakest first:
//   or, and, not, comparison, + -, * / %, ??, unary -, primary.
class Parser : private TokenStream {
  public:
    Parser(std::string_view text, bool of_element, bool stored = false)
        : TokenStream(text), place_(of_element ? Place::kElement : Place::kRule), stored_(stored) {}

    ExprPtr Rule() {
        if (Is(Token::Kind::kEnd)) Fail(Peek(), "The rule is empty", kValueHint);
        ExprPtr expr = Or();
        if (!Is(Token::Kind::kEnd)) Unexpected(kOperatorHint);
        return expr;
    }

    ExprPtr OnlyField() {
        ExprPtr expr = Primary();
        if (!Is(Token::Kind::kEnd) ||
            !(As<Reference>(*expr) || As<Metric>(*expr) || As<Call>(*expr) || As<Elements>(*expr)))
            Unexpected(
                "Write one value, such as ltv, profile.plan, events.purchase.count_30d, trait(\"vip\") or "
                "lower(profile.plan).");
        return expr;
    }

  private:
    ExprPtr Or() {
        std::vector<ExprPtr> operands{And()};
        while (AcceptSign("||") || AcceptWord("or")) operands.push_back(And());
        return Join(Op::kOr, std::move(operands));
    }

    ExprPtr And() {
        std::vector<ExprPtr> operands{Not()};
        while (AcceptSign("&&") || AcceptWord("and")) operands.push_back(Not());
        return Join(Op::kAnd, std::move(operands));
    }

    static ExprPtr Join(Op op, std::vector<ExprPtr> operands) {
        const size_t position = operands.front()->position;
        return MakeOperation(op, std::move(operands), position);
    }

    ExprPtr Not() {
        if (!IsSign("!") && !IsWord("not")) return Comparison();
        const Level level(*this);
        const size_t position = Take().position;
        return MakeOperation(Op::kNot, {Not()}, position);
    }

    ExprPtr Comparison() {
        if (IsWord("exists")) {
            const size_t position = Take().position;
            return Negate(true, MakeOperation(Op::kIsNull, {Sum()}, position));
        }
        ExprPtr left = Sum();
        const size_t position = left->position;
        if (Is(Token::Kind::kSign)) {
            const auto sign = FindSign(Peek().value);
            if (!sign) return left;
            Take();
            if (IsSign("=")) Unexpected("Write = for equal and != for not equal.");
            ExprPtr right = Sum();
            if (Is(Token::Kind::kSign) && FindSign(Peek().value))
                Unexpected("Comparisons cannot be chained: write a < b && b < c, or put one in parentheses.");
            RefuseForeignOperator();
            return MakeOperation(sign->op, {std::move(left), std::move(right)}, position);
        }
        const bool negated = AcceptWord("not");
        if (Is(Token::Kind::kName)) {
            if (auto word = WordOperator()) {
                if (negated && word->negated) Unexpected(kOperatorHint);
                return Negate(negated != word->negated, Operand(word->op, std::move(left)));
            }
        }
        RefuseForeignOperator();
        if (negated) Unexpected(kOperatorHint);
        return left;
    }

    static ExprPtr Negate(bool negate, ExprPtr expr) {
        const size_t position = expr->position;
        return negate ? MakeOperation(Op::kNot, {std::move(expr)}, position) : expr;
    }

    // Reads the words of an operator, if the next tokens are one: `contains`, `within last`, `is not null`,
    // `not_in`, …
    std::optional<Operator> WordOperator() {
        if (AcceptWord("is")) {
            const bool negated = AcceptWord("not");
            if (!AcceptWord("null")) Unexpected("Write is null or is not null; compare with true by = true.");
            return Operator{Op::kIsNull, negated};
        }
        for (const auto& [word, op] :
             {std::pair("within", Op::kWithinLast), std::pair("before", Op::kBeforeLast)}) {
            if (!IsWord(word)) continue;
            RequireRule(Take());
            if (!AcceptWord("last")) Unexpected(std::string("Write ") + word + " last 7d.");
            return Operator{op, false};
        }
        auto found = FindWord(Peek().value);
        if (found) Take();
        return found;
    }

    // Reads the operands of a word operator.
    ExprPtr Operand(Op op, ExprPtr left) {
        const size_t position = left->position;
        if (op == Op::kIsNull) return MakeOperation(op, {std::move(left)}, position);
        if (TakesList(op)) return MakeOperation(op, {std::move(left), ListOrItsName()}, position);
        if (op == Op::kWithinLast || op == Op::kBeforeLast) {
            if (!Is(Token::Kind::kDuration)) Unexpected("Give a duration such as 10s, 15m, 12h, 30d or 2w.");
            return MakeOperation(op, {std::move(left), Primary()}, position);
        }
        ExprPtr right = Sum();
        if (op != Op::kBetween) return MakeOperation(op, {std::move(left), std::move(right)}, position);
        if (!AcceptWord("and")) Unexpected("Write between low and high; both ends belong to it.");
        return MakeOperation(op, {std::move(left), std::move(right), Sum()}, position);
    }

    // A list that several rules share is a trait.
    ExprPtr ListOrItsName() {
        const bool name = Is(Token::Kind::kName) && place_ == Place::kRule && !IsReserved(Peek().value);
        return name ? Name() : ListOfLiterals("[", "]");
    }

    ExprPtr ListOfLiterals(const char* begin, const char* end) {
        const std::string hint = "Give a list of numbers, texts, true or false, such as [\"free\", \"pro\"].";
        const size_t position = Peek().position;
        if (IsSign("(") && *begin == '[')
            Unexpected("Write the list in brackets, such as in [\"free\", \"pro\"].");
        ExpectSign(begin, hint);
        if (AcceptSign(end)) return Make(List{}, position);
        std::vector<ExprPtr> items;
        do {
            const bool minus = IsSign("-");
            if (IsWord("null"))
                Fail(Peek(), "A list cannot contain null", "Add || x is null for rows without a value.");
            const bool literal = minus || Is(Token::Kind::kText) || Is(Token::Kind::kNumber) ||
                                 IsWord("true") || IsWord("false");
            if (!literal) Unexpected(hint);
            if (items.size() >= kMaxList)
                throw UserError(sqlstate::kProgramLimit, "too many list elements in rule",
                                "At most " + std::to_string(kMaxList) +
                                    " are allowed; there are more at position " +
                                    std::to_string(Peek().position) + ".",
                                "Keep long lists in a table and define the segment by a query.");
            ExprPtr item = Unary();
            if (minus && !As<Number>(*item)) Unexpected(hint);
            items.push_back(std::move(item));
        } while (AcceptSign(","));
        ExpectSign(end, std::string("Elements of a list are separated by commas, and ") + end + " ends it.");
        return Make(List{std::move(items)}, position);
    }

    ExprPtr Sum() {
        ExprPtr left = Product();
        while (IsSign("+") || IsSign("-")) {
            const Op op = Take().value.front() == '+' ? Op::kAdd : Op::kSubtract;
            left = Binary(op, std::move(left), Product());
        }
        return left;
    }

    ExprPtr Product() {
        ExprPtr left = Coalesce();
        while (IsSign("*") || IsSign("/") || IsSign("%")) {
            const char sign = Take().value.front();
            const Op op = sign == '*' ? Op::kMultiply : sign == '/' ? Op::kDivide : Op::kModulo;
            left = Binary(op, std::move(left), Coalesce());
        }
        return left;
    }

    static ExprPtr Binary(Op op, ExprPtr left, ExprPtr right) {
        const size_t position = left->position;
        return MakeOperation(op, {std::move(left), std::move(right)}, position);
    }

    ExprPtr Coalesce() {
        std::vector<ExprPtr> operands{Unary()};
        while (AcceptSign("??")) operands.push_back(Unary());
        return Join(Op::kCoalesce, std::move(operands));
    }

    ExprPtr Unary() {
        if (!IsSign("-")) return Primary();
        const Level level(*this);
        const size_t position = Take().position;
        return MakeOperation(Op::kNegate, {Unary()}, position);
    }

    ExprPtr Primary() {
        const size_t position = Peek().position;
        switch (Peek().kind) {
            case Token::Kind::kNumber: return Make(Number{Take().value}, position);
            case Token::Kind::kText: return Make(Text{Take().value}, position);
            case Token::Kind::kDuration: return Make(Duration{*ParseDuration(Take().value)}, position);
            case Token::Kind::kQuotedName: return Path(Take().value, position);
            case Token::Kind::kName: return Name();
            case Token::Kind::kSign:
                if (Peek().value == "(") return Parenthesised();
                // ["Any Name"]: a list can stand after `in` only, so this is a name. A property may be called
                // "".
                if (Peek().value == "[") return Path(BracketedName(place_ != Place::kRule), position);
                if (Peek().value == "$") return place_ == Place::kElement ? Element() : StepProperty();
                break;
            case Token::Kind::kEnd: break;
        }
        Unexpected(kValueHint);
    }

    ExprPtr Parenthesised() {
        const Level level(*this);
        Take();
        ExprPtr inner = Or();
        ExpectSign(")", "A parenthesis is open: close it with ).");
        return inner;
    }

    ExprPtr Name() {
        const Token name = Take();
        if (IsSign("(")) return NamedCall(name);
        if (EqualsIgnoringCase(name.value, "true")) return Make(Boolean{true}, name.position);
        if (EqualsIgnoringCase(name.value, "false")) return Make(Boolean{false}, name.position);
        if (EqualsIgnoringCase(name.value, "null")) return Make(Null{}, name.position);
        if (EqualsIgnoringCase(name.value, "now")) {
            RequireRule(name);
            return MakeCall(Function::kNow, {}, name.position);
        }
        if (name.value == "events" && (IsSign(".") || (IsSign("[") && !Peek().after_space))) {
            RequireRule(name);
            return Metrics().Events(name.position);
        }
        if (IsReserved(name.value))
            Fail(name, "Unexpected " + name.value,
                 std::string(kValueHint) + " A column of that name is written in backticks.");
        return Path(name.value, name.position);
    }

    ExprPtr Path(std::string root, size_t position) {
        std::vector<std::string> path{std::move(root)};
        ContinuePath(path);
        return Make(Reference{Reference::Kind::kPath, std::move(path)}, position);
    }

    // Refuses what a condition on an event or on an element cannot contain.
    void RequireRule(const Token& token) {
        if (place_ == Place::kRule) return;
        const bool element = place_ == Place::kElement;
        throw UserError(
            sqlstate::kNotSupported,
            Shorten(token.value, 40) + " is not available in " +
                (element ? "a condition on elements" : "the filter of an event") + " at position " +
                std::to_string(token.position),
            element ? "Such a condition is about one element of the list."
                    : "A filter is about the properties of one event.",
            element ? kElementsHint
                    : "Compare properties with values, as in {category == \"cosmetics\"}; a property of that "
                      "name is written in backticks.");
    }

    MetricParser Metrics() {
        return MetricParser(*this, [this](bool steps) { return Filter(steps); });
    }

    ExprPtr Filter(bool steps) {
        const Level level(*this);
        place_ = steps ? Place::kStep : Place::kFilter;
        ExprPtr filter = Or();
        place_ = Place::kRule;
        return filter;
    }

    // $.product_id: a property of the step before.
    ExprPtr StepProperty() {
        const Token dollar = Take();
        if (place_ != Place::kStep)
            Fail(dollar, "Unexpected $",
                 "$ stands for the step before, in the filter of a later step of a sequence: {product_id == "
                 "$.product_id}.");
        std::vector<std::string> path;
        ContinuePath(path);
        if (path.empty()) Unexpected("Write $.product_id for a property of the step before.");
        return Make(Reference{Reference::Kind::kStep, std::move(path)}, dollar.position);
    }

    // $: the element itself.
    ExprPtr Element() {
        const Token dollar = Take();
        if (IsSign(".") || IsSign("[")) Unexpected("A property of the element is written without $.");
        return Make(Reference{Reference::Kind::kElement, {}}, dollar.position);
    }

    ExprPtr OverElements(const Token& name) {
        Take();
        ExprPtr list = Or();
        ExpectSign(",", kElementsHint);
        const Place around = std::exchange(place_, Place::kElement);
        ExprPtr condition = Or();
        place_ = around;
        ExpectSign(")", kElementsHint);
        return Make(Elements{EqualsIgnoringCase(name.value, "all"), std::move(list), std::move(condition)},
                    name.position);
    }

    ExprPtr NamedCall(const Token& name) {
        const Level level(*this);
        if (EqualsIgnoringCase(name.value, "list")) return ListOfLiterals("(", ")");
        if (EqualsIgnoringCase(name.value, "any") || EqualsIgnoringCase(name.value, "all"))
            return OverElements(name);
        Take();
        if (name.value == "trait" || name.value == "segment") return SavedDefinition(name);
        if (EqualsIgnoringCase(name.value, "sequence")) {
            RequireRule(name);
            return Metrics().Sequence(name.position);
        }
        if (stored_ && name.value == rule::Name(Aggregate::kStatic))
            return Metrics().StaticSegment(name.position);
        if (name.value == "flag")
            throw UserError(sqlstate::kNotSupported,
                            "flags are not available in rules at position " + std::to_string(name.position),
                            "Flags can depend on segments, segments not on flags.",
                            "Use the segment or the trait that the flag uses.");
        return FunctionCall(name);
    }

    // trait("vip"), segment("vip"): behind the parenthesis.
    ExprPtr SavedDefinition(const Token& name) {
        RequireRule(name);
        if (!Is(Token::Kind::kText) || Peek().value.empty())
            Unexpected("Give the name in quotes, as in " + name.value + "(\"vip\").");
        const auto kind = name.value == "trait" ? Reference::Kind::kTrait : Reference::Kind::kSegment;
        std::string key = Take().value;
        ExpectSign(")", "One name in quotes, then ).");
        return Make(Reference{kind, {std::move(key)}}, name.position);
    }

    ExprPtr FunctionCall(const Token& name) {
        const bool coalesce = EqualsIgnoringCase(name.value, "coalesce");
        const auto function = FindFunction(name.value);
        if (!function && !coalesce)
            throw UserError(sqlstate::kUndefinedFunction,
                            "unknown function in rule at position " + std::to_string(name.position),
                            "There is no function \"" + Shorten(name.value, 40) + "\".", kFunctionHint);
        if (function && DependsOnNow(*function)) RequireRule(name);
        std::vector<ExprPtr> arguments;
        if (!IsSign(")")) {
            do {
                arguments.push_back(Or());
                if (arguments.size() > kMaxList) Unexpected("There are too many arguments.");
            } while (AcceptSign(","));
        }
        const bool some = coalesce ? !arguments.empty() : TakesArguments(*function, arguments.size());
        if (!some) Fail(name, "Wrong number of arguments for " + name.value, kFunctionHint);
        ExpectSign(")", "Arguments are separated by commas, and ) ends them.");
        if (coalesce) return Join(Op::kCoalesce, std::move(arguments));
        return MakeCall(*function, std::move(arguments), name.position);
    }

    // Between the braces of events.x{…} names are properties of the event, in any(…) and all(…) those of the
    // element.
    enum class Place { kRule, kFilter, kStep, kElement } place_;
    const bool stored_;
};

}  // namespace

ExprPtr Parse(std::string_view text) {
    ExprPtr expr = Parser(text, false).Rule();
    RequireSize(*expr);
    return expr;
}

ExprPtr ParseStored(std::string_view text) {
    return Parser(text, false, true).Rule();
}

ExprPtr ParseField(std::string_view text, bool of_element) {
    return Parser(text, of_element).OnlyField();
}

}  // namespace pulse::rule
