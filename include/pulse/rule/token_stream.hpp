// The current token, and syntax errors about it; shared by the parsers of rules and of metrics. Pure C++.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pulse/rule/lexer.hpp"

namespace pulse::rule {

class TokenStream {
  public:
    explicit TokenStream(std::string_view text) : text_(text), lexer_(text) { token_ = lexer_.Next(); }

    const Token& Peek() const { return token_; }
    Token Take() { return std::exchange(token_, lexer_.Next()); }

    bool Is(Token::Kind kind) const { return token_.kind == kind; }
    bool IsSign(std::string_view sign) const { return Is(Token::Kind::kSign) && token_.value == sign; }
    // Whether the current token is this word, in any case.
    bool IsWord(std::string_view word) const;
    bool AcceptSign(std::string_view sign);
    bool AcceptWord(std::string_view word);
    void ExpectSign(std::string_view sign, const std::string& hint);
    // Throws if an operator of SQL follows, with the one that stands for it.
    void RefuseForeignOperator() const;
    // Reads ["Any Name"]; the current token is the bracket. Keys of JSON may be empty.
    std::string BracketedName(bool may_be_empty = false);
    // .name, .`any name` and ["Any Name"], as many as there are, behind `path`.
    void ContinuePath(std::vector<std::string>& path);

    // "syntax error in rule at position …"
    [[noreturn]] void Unexpected(const std::string& hint) const;
    [[noreturn]] void Fail(const Token& token, const std::string& problem, const std::string& hint) const {
        lexer_.Fail(token, problem, hint);
    }

  protected:
    // Counts the levels that a parser itself recurses. A tree of kMaxDepth levels needs at most two for each.
    class Level {
      public:
        explicit Level(TokenStream& tokens);
        ~Level() { --tokens_.level_; }
        Level(const Level&) = delete;
        Level& operator=(const Level&) = delete;

      private:
        TokenStream& tokens_;
    };

  private:
    std::string_view text_;
    Lexer lexer_;
    Token token_;
    size_t level_ = 0;
};

}  // namespace pulse::rule
