#include "pulse/rule/token_stream.hpp"

#include "pulse/base/error.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/rule/ast.hpp"
#include "pulse/rule/literal.hpp"
#include "pulse/rule/operators.hpp"

namespace pulse::rule {

TokenStream::Level::Level(TokenStream& tokens) : tokens_(tokens) {
    if (++tokens_.level_ <= 2 * kMaxDepth) return;
    --tokens_.level_;
    throw UserError(sqlstate::kProgramLimit, "rule is nested too deeply",
                    "A rule may have at most " + std::to_string(kMaxDepth) +
                        " levels; there are more at position " + std::to_string(tokens_.Peek().position) +
                        ".",
                    "Leave out parentheses that change nothing, or split the rule into several segments.");
}

bool TokenStream::IsWord(std::string_view word) const {
    return Is(Token::Kind::kName) && EqualsIgnoringCase(token_.value, word);
}

bool TokenStream::AcceptSign(std::string_view sign) {
    if (!IsSign(sign)) return false;
    Take();
    return true;
}

bool TokenStream::AcceptWord(std::string_view word) {
    if (!IsWord(word)) return false;
    Take();
    return true;
}

void TokenStream::ExpectSign(std::string_view sign, const std::string& hint) {
    if (!AcceptSign(sign)) Unexpected(hint);
}

std::string TokenStream::BracketedName(bool may_be_empty) {
    const std::string hint =
        "Write a name as [\"Any Name\"]. After in, contains_any and contains_all write a list as "
        "[\"a\", \"b\"], elsewhere as list(\"a\", \"b\").";
    Take();
    if (!Is(Token::Kind::kText) || (token_.value.empty() && !may_be_empty)) Unexpected(hint);
    std::string name = Take().value;
    ExpectSign("]", hint);
    return name;
}

void TokenStream::ContinuePath(std::vector<std::string>& path) {
    while (IsSign(".") || (IsSign("[") && !token_.after_space)) {
        if (IsSign("[")) {
            path.push_back(BracketedName(true));
        } else {
            Take();
            if (!Is(Token::Kind::kName) && !Is(Token::Kind::kQuotedName))
                Unexpected("A name must follow the dot.");
            path.push_back(Take().value);
        }
        if (path.size() > kMaxDepth)
            Unexpected("A path may have at most " + std::to_string(kMaxDepth) + " names.");
    }
}

void TokenStream::RefuseForeignOperator() const {
    if (IsWord("like") || IsWord("ilike"))
        Unexpected(
            "For like \"pro%\" write starts_with \"pro\", for like \"%pro\" ends_with \"pro\", for like "
            "\"%pro%\" contains \"pro\"; all three ignore case.");
    if (IsWord("similar") || IsWord("regexp") || IsWord("rlike"))
        Unexpected("A regular expression is written matches \"^A[0-9]+$\".");
    if (Is(Token::Kind::kText) && !token_.after_space)
        Unexpected("A quote inside a text is written \\\" or \\'.");
}

void TokenStream::Unexpected(const std::string& hint) const {
    if (Is(Token::Kind::kEnd)) lexer_.Fail(token_, "The rule ends too early", hint);
    const std::string_view written = text_.substr(token_.begin, token_.end - token_.begin);
    lexer_.Fail(token_, "Unexpected " + Shorten(written, 40), hint);
}

}  // namespace pulse::rule
