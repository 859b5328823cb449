// Rule text → tokens, one at a time. Pure C++; used by the parser only.
#pragma once

#include <string>
#include <string_view>

namespace pulse::rule {

struct Token {
    enum class Kind { kEnd, kName, kQuotedName, kText, kNumber, kDuration, kSign };
    Kind kind = Kind::kEnd;
    std::string
        value;  // name, text without quotes and escapes, number in normal form, duration or sign as written
    size_t position = 1;  // in characters, from 1
    size_t begin = 0;     // in bytes
    size_t end = 0;
    bool after_space = false;  // whether white space stands before it
};

class Lexer {
  public:
    // Throws UserError when the text is too long, is not UTF-8, or holds a NUL.
    explicit Lexer(std::string_view text);

    // Read the next token. Throws UserError on what can begin none.
    Token Next();

    // The error "syntax error in rule at position …", with the text around `token`, what is wrong there, and
    // what is right.
    [[noreturn]] void Fail(const Token& token, const std::string& problem, const std::string& hint) const;

  private:
    void SkipSpace();
    bool Ends() const { return at_ == text_.size(); }
    char Peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
    void Advance();
    void ReadName(Token& token);
    void ReadNumber(Token& token);
    void ReadQuotedName(Token& token);
    void ReadText(Token& token);
    void ReadEscape(Token& token);
    unsigned ReadHex4(const Token& token);
    void ReadSign(Token& token);

    std::string_view text_;
    size_t at_ = 0;        // byte
    size_t position_ = 1;  // character
};

// Whether `name` can stand bare, reserved words apart.
bool IsBareName(std::string_view name);

}  // namespace pulse::rule
