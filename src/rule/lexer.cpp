#include "pulse/rule/lexer.hpp"

#include "pulse/base/ascii.hpp"
#include "pulse/base/error.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/rule/ast.hpp"
#include "pulse/rule/literal.hpp"

namespace pulse::rule {

namespace {

// As PostgreSQL: letters, underscore, and everything beyond ASCII.
bool BeginsName(char c) {
    return IsLetter(c) || c == '_' || (static_cast<unsigned char>(c) & 0x80);
}
bool ContinuesName(char c) {
    return BeginsName(c) || IsDigit(c) || c == '$';
}
bool IsSpace(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
constexpr const char* kEscapeHint =
    "Escapes are \\\", \\', \\\\, \\/, \\b, \\f, \\n, \\r, \\t and \\uXXXX; write \\\\ for a backslash, as "
    "in matches \"\\\\d+\".";

// Longest first.
constexpr std::string_view kSymbols[] = {"||", "&&", "==", "!=", "<>", "<=", ">=", "??", "->", "..",
                                         "=",  "<",  ">",  "!",  "+",  "-",  "*",  "/",  "%",  "(",
                                         ")",  "[",  "]",  "{",  "}",  ",",  ".",  "$"};

}  // namespace

bool IsBareName(std::string_view name) {
    // $browser; a $ alone is the step before.
    const size_t first = name.starts_with('$');
    if (name.size() <= first || !BeginsName(name[first])) return false;
    for (const char c : name)
        if (!ContinuesName(c)) return false;
    return true;
}

Lexer::Lexer(std::string_view text) : text_(text) {
    if (text.size() > kMaxText)
        throw UserError(sqlstate::kProgramLimit, "rule is too long",
                        "It has " + std::to_string(text.size()) + " bytes; at most " +
                            std::to_string(kMaxText) + " are allowed.",
                        "Keep long lists in a table and define the segment by a query.");
    const size_t valid = ValidUtf8(text);
    if (valid != text.size())
        throw UserError(sqlstate::kInvalidEncoding, "rule is not valid UTF-8 text",
                        "Byte " + std::to_string(valid + 1) + " begins no character.",
                        "Send the rule in UTF-8.");
}

void Lexer::Fail(const Token& token, const std::string& problem, const std::string& hint) const {
    constexpr size_t kBefore = 30, kAfter = 30;
    size_t from = token.begin > kBefore ? token.begin - kBefore : 0;
    from = CharacterBorder(text_, from);
    std::string near = from > 0 ? "…" : "";
    near += Shorten(text_.substr(from), token.begin - from + kAfter);
    throw UserError(sqlstate::kSyntaxError,
                    "syntax error in rule at position " + std::to_string(token.position),
                    problem + (text_.empty() ? "." : ", in: " + near), hint);
}

void Lexer::Advance() {
    do ++at_;
    while (!Ends() && IsUtf8Continuation(text_[at_]));
    ++position_;
}

void Lexer::SkipSpace() {
    while (!Ends() && IsSpace(Peek())) Advance();
}

Token Lexer::Next() {
    const size_t before = at_;
    SkipSpace();
    Token token;
    token.after_space = at_ > before;
    token.position = position_;
    token.begin = at_;
    if (!Ends()) {
        const char c = Peek();
        if (IsDigit(c))
            ReadNumber(token);
        else if (BeginsName(c) || (c == '$' && BeginsName(Peek(1))))
            ReadName(token);
        else if (c == '`')
            ReadQuotedName(token);
        else if (c == '"' || c == '\'')
            ReadText(token);
        else
            ReadSign(token);
    }
    token.end = at_;
    return token;
}

void Lexer::ReadName(Token& token) {
    while (!Ends() && ContinuesName(Peek())) Advance();
    token.kind = Token::Kind::kName;
    token.value = text_.substr(token.begin, at_ - token.begin);
}

void Lexer::ReadNumber(Token& token) {
    while (IsDigit(Peek())) Advance();
    if (Peek() == '.' && IsDigit(Peek(1))) {
        Advance();
        while (IsDigit(Peek())) Advance();
    }
    const bool exponent = (Peek() == 'e' || Peek() == 'E') &&
                          (IsDigit(Peek(1)) || ((Peek(1) == '-' || Peek(1) == '+') && IsDigit(Peek(2))));
    if (exponent) {
        Advance();
        Advance();
        while (IsDigit(Peek())) Advance();
    }
    while (!Ends() && ContinuesName(Peek())) Advance();
    const std::string_view written = text_.substr(token.begin, at_ - token.begin);
    if (ParseDuration(written)) {
        token.kind = Token::Kind::kDuration;
        token.value = written;
        return;
    }
    if (auto number = NormalizeNumber(written)) {
        token.kind = Token::Kind::kNumber;
        token.value = *number;
        return;
    }
    Fail(token, "\"" + Shorten(written, 40) + "\" is neither a number nor a duration",
         "Durations are 10s, 15m, 12h, 30d or 2w, longer than zero and up to 1000 years; numbers lie between "
         "1e-300 and 1e300. "
         "Names that begin with a digit are written in backticks.");
}

void Lexer::ReadQuotedName(Token& token) {
    token.kind = Token::Kind::kQuotedName;
    for (Advance(); !Ends(); Advance()) {
        if (Peek() == '`') {
            if (Peek(1) != '`') break;
            Advance();
        }
        token.value += Peek();
        // The rest of a character that is longer than one byte.
        for (size_t i = 1; IsUtf8Continuation(Peek(i)); ++i) token.value += Peek(i);
    }
    if (Ends())
        Fail(token, "The name in backticks does not end",
             "End the name with a backtick; write `` for one inside it.");
    Advance();
    if (token.value.empty())
        Fail(token, "A name is empty", "Write the name of a column between the backticks.");
}

void Lexer::ReadText(Token& token) {
    token.kind = Token::Kind::kText;
    const char quote = Peek();
    Advance();
    while (!Ends() && Peek() != quote) {
        if (Peek() == '\\') {
            ReadEscape(token);
            continue;
        }
        const size_t from = at_;
        Advance();
        token.value += text_.substr(from, at_ - from);
    }
    if (Ends())
        Fail(token, "The text does not end",
             std::string("End the text with ") + quote + "; write \\" + quote + " for one inside it.");
    Advance();
}

void Lexer::ReadEscape(Token& token) {
    Token here = token;
    here.position = position_;
    here.begin = at_;
    Advance();
    const char c = Peek();
    if (c == 'u') {
        Advance();
        unsigned code = ReadHex4(here);
        if (code >= 0xD800 && code < 0xDC00 && Peek() == '\\' && Peek(1) == 'u') {
            Advance();
            Advance();
            const unsigned low = ReadHex4(here);
            if (low < 0xDC00 || low > 0xDFFF) Fail(here, "A surrogate pair is not complete", kEscapeHint);
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        }
        if (code == 0 || (code >= 0xD800 && code <= 0xDFFF))
            Fail(here, "\\u names no character", kEscapeHint);
        AppendUtf8(token.value, code);
        return;
    }
    constexpr std::string_view kLetters = "\"'\\/bfnrt", kMeanings = "\"'\\/\b\f\n\r\t";
    const size_t which = Ends() ? std::string_view::npos : kLetters.find(c);
    if (which == std::string_view::npos) Fail(here, "Unknown escape in a text", kEscapeHint);
    token.value += kMeanings[which];
    Advance();
}

unsigned Lexer::ReadHex4(const Token& token) {
    unsigned code = 0;
    for (int i = 0; i < 4; ++i) {
        const char c = Peek();
        unsigned digit;
        if (IsDigit(c))
            digit = static_cast<unsigned>(c - '0');
        else if (c >= 'a' && c <= 'f')
            digit = static_cast<unsigned>(c - 'a' + 10);
        else if (c >= 'A' && c <= 'F')
            digit = static_cast<unsigned>(c - 'A' + 10);
        else
            Fail(token, "\\u needs four hexadecimal digits", kEscapeHint);
        code = code << 4 | digit;
        Advance();
    }
    return code;
}

void Lexer::ReadSign(Token& token) {
    token.kind = Token::Kind::kSign;
    for (const std::string_view sign : kSymbols) {
        if (text_.substr(at_, sign.size()) != sign) continue;
        for (size_t i = 0; i < sign.size(); ++i) Advance();
        token.value = sign;
        return;
    }
    // Names can begin with whatever is not ASCII, so this is one byte.
    const char c = Peek();
    std::string hint = "Signs are = != < <= > >= && || ! ?? + - * / % ( ) [ ] , and the dot.";
    if (c == '&' || c == '|') hint = "Conditions are joined by && and ||.";
    Fail(token, std::string("Unexpected character \"") + c + "\"", hint);
}

}  // namespace pulse::rule
