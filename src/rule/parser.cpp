#include "pulse/rule/parser.hpp"

#include <utility>

#include "pulse/base/error.hpp"
#include "pulse/rule/lexer.hpp"
#include "pulse/rule/literal.hpp"
#include "pulse/rule/operators.hpp"
#include "pulse/rule/print.hpp"

namespace pulse::rule {

namespace {

// Recursive descent, one function per level of precedence, weakest first:
//   or, and, not, comparison, + -, * / %, ??, unary -, primary.
class Parser {
  public:
    explicit Parser(std::string_view text) : text_(text), lexer_(text) { token_ = lexer_.Next(); }

    ExprPtr Rule() {
        if (token_.kind == Token::Kind::kEnd) lexer_.Fail(token_, "The rule is empty", kValueHint);
        ExprPtr expr = Or();
        if (token_.kind != Token::Kind::kEnd) Unexpected(kOperatorHint);
        return expr;
    }

    ExprPtr OnlyReference() {
        ExprPtr expr = Primary();
        if (token_.kind != Token::Kind::kEnd || !As<Reference>(*expr))
            Unexpected("Write one reference, such as ltv, profile.plan or trait(\"vip\").");
        return expr;
    }

  private:
    // Counts the levels that the parser itself recurses. A tree of kMaxDepth levels needs at most two for
    // each.
    class Level {
      public:
        explicit Level(Parser& parser) : parser_(parser) {
            if (++parser_.level_ > 2 * kMaxDepth) {
                --parser_.level_;
                throw UserError(
                    sqlstate::kProgramLimit, "rule is nested too deeply",
                    "A rule may have at most " + std::to_string(kMaxDepth) +
                        " levels; there are more at position " + std::to_string(parser_.token_.position) +
                        ".",
                    "Leave out parentheses that change nothing, or split the rule into several segments.");
            }
        }
        ~Level() { --parser_.level_; }
        Level(const Level&) = delete;
        Level& operator=(const Level&) = delete;

      private:
        Parser& parser_;
    };

    Token Take() { return std::exchange(token_, lexer_.Next()); }

    bool IsSign(std::string_view sign) const {
        return token_.kind == Token::Kind::kSign && token_.value == sign;
    }
    bool IsWord(std::string_view word) const {
        return token_.kind == Token::Kind::kName && EqualsIgnoringCase(token_.value, word);
    }
    bool AcceptSign(std::string_view sign) {
        if (!IsSign(sign)) return false;
        Take();
        return true;
    }
    bool AcceptWord(std::string_view word) {
        if (!IsWord(word)) return false;
        Take();
        return true;
    }
    void ExpectSign(std::string_view sign, const std::string& hint) {
        if (!AcceptSign(sign)) Unexpected(hint);
    }

    [[noreturn]] void Unexpected(const std::string& hint) const {
        if (token_.kind == Token::Kind::kEnd) lexer_.Fail(token_, "The rule ends too early", hint);
        const std::string_view written = text_.substr(token_.begin, token_.end - token_.begin);
        lexer_.Fail(token_, "Unexpected " + Shorten(written, 40), hint);
    }

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
        if (token_.kind == Token::Kind::kSign) {
            const auto sign = FindSign(token_.value);
            if (!sign) return left;
            Take();
            ExprPtr right = Sum();
            if (token_.kind == Token::Kind::kSign && FindSign(token_.value))
                Unexpected("Comparisons cannot be chained: write a < b && b < c, or put one in parentheses.");
            return MakeOperation(sign->op, {std::move(left), std::move(right)}, position);
        }
        const bool negated = AcceptWord("not");
        if (token_.kind == Token::Kind::kName) {
            if (auto word = WordOperator()) {
                if (negated && word->negated) Unexpected(kOperatorHint);
                return Negate(negated != word->negated, Operand(word->op, std::move(left)));
            }
        }
        if (negated) Unexpected(kOperatorHint);
        return left;
    }

    static ExprPtr Negate(bool negate, ExprPtr expr) {
        const size_t position = expr->position;
        return negate ? MakeOperation(Op::kNot, {std::move(expr)}, position) : expr;
    }

    // Reads the words of an operator, if one stands here: `contains`, `within last`, `is not null`, `not_in`,
    // …
    std::optional<Operator> WordOperator() {
        if (AcceptWord("is")) {
            const bool negated = AcceptWord("not");
            if (!AcceptWord("null")) Unexpected("Write is null or is not null.");
            return Operator{Op::kIsNull, negated};
        }
        for (const auto& [word, op] :
             {std::pair("within", Op::kWithinLast), std::pair("before", Op::kBeforeLast)}) {
            if (!AcceptWord(word)) continue;
            if (!AcceptWord("last")) Unexpected(std::string("Write ") + word + " last 7d.");
            return Operator{op, false};
        }
        auto found = FindWord(token_.value);
        if (found) Take();
        return found;
    }

    // Reads what stands after a word operator.
    ExprPtr Operand(Op op, ExprPtr left) {
        const size_t position = left->position;
        if (op == Op::kIsNull) return MakeOperation(op, {std::move(left)}, position);
        if (op == Op::kIn) return MakeOperation(op, {std::move(left), ListOfLiterals()}, position);
        if (op == Op::kWithinLast || op == Op::kBeforeLast) {
            if (token_.kind != Token::Kind::kDuration)
                Unexpected("Give a duration such as 10s, 15m, 12h, 30d or 2w.");
            return MakeOperation(op, {std::move(left), Primary()}, position);
        }
        ExprPtr right = Sum();
        if (op != Op::kBetween) return MakeOperation(op, {std::move(left), std::move(right)}, position);
        if (!AcceptWord("and")) Unexpected("Write between low and high; both ends belong to it.");
        return MakeOperation(op, {std::move(left), std::move(right), Sum()}, position);
    }

    ExprPtr ListOfLiterals() {
        const std::string hint = "Give a list of numbers, texts, true or false, such as [\"free\", \"pro\"].";
        const size_t position = token_.position;
        ExpectSign("[", hint);
        std::vector<ExprPtr> items;
        do {
            const bool minus = IsSign("-");
            if (IsWord("null"))
                lexer_.Fail(token_, "A list cannot contain null",
                            "Add || x is null for rows without a value.");
            const bool literal = minus || token_.kind == Token::Kind::kText ||
                                 token_.kind == Token::Kind::kNumber || IsWord("true") || IsWord("false");
            if (!literal) Unexpected(hint);
            if (items.size() >= kMaxList)
                throw UserError(sqlstate::kProgramLimit, "too many list elements in rule",
                                "At most " + std::to_string(kMaxList) +
                                    " are allowed; there are more at position " +
                                    std::to_string(token_.position) + ".",
                                "Keep long lists in a table and define the segment by a query.");
            ExprPtr item = Unary();
            if (minus && !As<Number>(*item)) Unexpected(hint);
            items.push_back(std::move(item));
        } while (AcceptSign(","));
        ExpectSign("]", "Elements of a list are separated by commas, and ] ends it.");
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
        const size_t position = token_.position;
        switch (token_.kind) {
            case Token::Kind::kNumber: return Make(Number{Take().value}, position);
            case Token::Kind::kText: return Make(Text{Take().value}, position);
            case Token::Kind::kDuration: return Make(Duration{*ParseDuration(Take().value)}, position);
            case Token::Kind::kQuotedName: return Path(Take().value, position);
            case Token::Kind::kName: return Name();
            case Token::Kind::kSign:
                if (token_.value == "(") return Parenthesised();
                // ["Any Name"]: a list can stand after `in` only, so this is a name.
                if (token_.value == "[") return Path(BracketedName(), position);
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
        if (EqualsIgnoringCase(name.value, "now")) return MakeCall(Function::kNow, {}, name.position);
        if (IsReserved(name.value))
            lexer_.Fail(name, "Unexpected " + name.value,
                        std::string(kValueHint) + " A column of that name is written in backticks.");
        return Path(name.value, name.position);
    }

    ExprPtr Path(std::string root, size_t position) {
        std::vector<std::string> path{std::move(root)};
        while (IsSign(".") || (IsSign("[") && !token_.after_space)) {
            if (IsSign("[")) {
                path.push_back(BracketedName());
            } else {
                Take();
                if (token_.kind != Token::Kind::kName && token_.kind != Token::Kind::kQuotedName)
                    Unexpected("A name stands after a dot.");
                path.push_back(Take().value);
            }
            if (path.size() > kMaxDepth)
                Unexpected("A path may have at most " + std::to_string(kMaxDepth) + " names.");
        }
        return Make(Reference{Reference::Kind::kPath, std::move(path)}, position);
    }

    std::string BracketedName() {
        const std::string hint =
            "Write a name as [\"Any Name\"]; a list of values can stand only after \"in\".";
        Take();
        if (token_.kind != Token::Kind::kText || token_.value.empty()) Unexpected(hint);
        std::string name = Take().value;
        ExpectSign("]", hint);
        return name;
    }

    ExprPtr NamedCall(const Token& name) {
        const Level level(*this);
        Take();
        if (name.value == "trait" || name.value == "segment") {
            if (token_.kind != Token::Kind::kText || token_.value.empty())
                Unexpected("Give the name in quotes, as in " + name.value + "(\"vip\").");
            const auto kind = name.value == "trait" ? Reference::Kind::kTrait : Reference::Kind::kSegment;
            std::string key = Take().value;
            ExpectSign(")", "One name in quotes, then ).");
            return Make(Reference{kind, {std::move(key)}}, name.position);
        }
        const bool coalesce = EqualsIgnoringCase(name.value, "coalesce");
        const auto function = FindFunction(name.value);
        if (!function && !coalesce)
            throw UserError(sqlstate::kUndefinedFunction,
                            "unknown function in rule at position " + std::to_string(name.position),
                            "There is no function \"" + Shorten(name.value, 40) + "\".", kFunctionHint);
        std::vector<ExprPtr> arguments;
        if (!IsSign(")")) {
            do {
                arguments.push_back(Or());
                if (arguments.size() > kMaxList) Unexpected("There are too many arguments.");
            } while (AcceptSign(","));
        }
        const bool some = coalesce                        ? arguments.size() >= 1
                          : *function == Function::kNow   ? arguments.empty()
                          : *function == Function::kRound ? arguments.size() == 1 || arguments.size() == 2
                                                          : arguments.size() == 1;
        if (!some) lexer_.Fail(name, "Wrong number of arguments for " + name.value, kFunctionHint);
        ExpectSign(")", "Arguments are separated by commas, and ) ends them.");
        if (coalesce) return Join(Op::kCoalesce, std::move(arguments));
        return MakeCall(*function, std::move(arguments), name.position);
    }

    std::string_view text_;
    Lexer lexer_;
    Token token_;
    size_t level_ = 0;
};

}  // namespace

ExprPtr Parse(std::string_view text) {
    ExprPtr expr = Parser(text).Rule();
    RequireSize(*expr);
    return expr;
}

ExprPtr ParseReference(std::string_view text) {
    return Parser(text).OnlyReference();
}

}  // namespace pulse::rule
