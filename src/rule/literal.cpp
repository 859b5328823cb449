#include "pulse/rule/literal.hpp"

#include <algorithm>
#include <iterator>

#include "pulse/base/ascii.hpp"
#include "pulse/base/duration.hpp"
#include "pulse/base/time.hpp"
#include "pulse/rule/ast.hpp"

namespace pulse::rule {

namespace {

constexpr int kMaxExponent = 300;
constexpr size_t kMaxDigits = 1000;

size_t CountDigits(std::string_view text) {
    size_t count = 0;
    while (count < text.size() && IsDigit(text[count])) ++count;
    return count;
}

// digits × 10^exponent, written without exponent; digits neither begin nor end with 0.
std::string WriteDecimal(const std::string& digits, int exponent) {
    if (exponent >= 0) return digits + std::string(static_cast<size_t>(exponent), '0');
    const size_t fraction = static_cast<size_t>(-exponent);
    if (fraction >= digits.size()) return "0." + std::string(fraction - digits.size(), '0') + digits;
    return digits.substr(0, digits.size() - fraction) + "." + digits.substr(digits.size() - fraction);
}

struct Unit {
    char letter;
    int64_t seconds;
};
constexpr Unit kUnits[] = {{'w', 604800}, {'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};

}  // namespace

std::optional<std::string> NormalizeNumber(std::string_view text) {
    const bool negative = !text.empty() && text.front() == '-';
    if (negative) text.remove_prefix(1);
    const size_t whole = CountDigits(text);
    if (whole == 0) return std::nullopt;
    std::string digits(text.substr(0, whole));
    text.remove_prefix(whole);
    int exponent = 0;
    if (!text.empty() && text.front() == '.') {
        const size_t fraction = CountDigits(text.substr(1));
        if (fraction == 0 || fraction > kMaxDigits) return std::nullopt;
        digits += text.substr(1, fraction);
        exponent = -static_cast<int>(fraction);
        text.remove_prefix(1 + fraction);
    }
    if (!text.empty() && (text.front() == 'e' || text.front() == 'E')) {
        text.remove_prefix(1);
        const bool down = !text.empty() && text.front() == '-';
        if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
        const size_t count = CountDigits(text);
        if (count == 0 || count > 4) return std::nullopt;
        const int value = std::stoi(std::string(text.substr(0, count)));
        exponent += down ? -value : value;
        text.remove_prefix(count);
    }
    if (!text.empty()) return std::nullopt;

    digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
    if (digits.empty()) return "0";
    const size_t last = digits.find_last_not_of('0');
    exponent += static_cast<int>(digits.size() - 1 - last);
    digits.erase(last + 1);
    const int magnitude =
        static_cast<int>(std::min(digits.size(), kMaxDigits)) - 1 + exponent;  // of the first digit
    if (digits.size() >= kMaxDigits || magnitude > kMaxExponent || magnitude < -kMaxExponent)
        return std::nullopt;
    return (negative ? "-" : "") + WriteDecimal(digits, exponent);
}

std::optional<int64_t> ParseDuration(std::string_view text) {
    // Names of traits may end in other spellings, such as logins_7days: they are no windows.
    if (text.size() != CountDigits(text) + 1 ||
        std::none_of(std::begin(kUnits), std::end(kUnits),
                     [&](const Unit& unit) { return unit.letter == text.back(); }))
        return std::nullopt;
    const auto length = pulse::ParseDuration(text);
    if (!length || *length == 0 || *length > kMaxDuration * kSecond) return std::nullopt;
    return *length / kSecond;
}

std::string RegularExpression(std::string_view pattern) {
    const std::string_view options =
        pattern.starts_with("(?") ? pattern.substr(2, std::min(pattern.find(')'), pattern.size()) - 2) : "";
    // A literal text, or another kind of regular expressions, without such escapes.
    const bool other =
        pattern.starts_with("***=") || (options.find_first_not_of("bceimnpqstwx") == std::string_view::npos &&
                                        options.find_first_of("beq") != std::string_view::npos);
    if (other) return std::string(pattern);
    std::string sql;
    bool in_brackets = false;
    for (size_t i = 0; i < pattern.size(); ++i) {
        const char c = pattern[i];
        if (c == '\\' && i + 1 < pattern.size()) {
            const char next = pattern[++i];
            sql += c;
            sql += in_brackets ? next : next == 'b' ? 'y' : next == 'B' ? 'Y' : next;
            continue;
        }
        if (!in_brackets && c == '\b') {
            sql += "\\y";
            continue;
        }
        sql += c;
        if (!in_brackets && c == '[') {
            in_brackets = true;
            // A ] at the beginning is an element.
            if (pattern.substr(i + 1).starts_with('^')) sql += pattern[++i];
            if (pattern.substr(i + 1).starts_with(']')) sql += pattern[++i];
        } else if (in_brackets && c == '[' && i + 1 < pattern.size() &&
                   std::string_view(":.=").find(pattern[i + 1]) != std::string_view::npos) {
            // [:alpha:], [.x.] and [=x=] end with their own sign.
            const size_t end = pattern.find(std::string{pattern[i + 1], ']'}, i + 2);
            if (end == std::string_view::npos) continue;
            sql += pattern.substr(i + 1, end + 1 - i);
            i = end + 1;
        } else if (in_brackets && c == ']') {
            in_brackets = false;
        }
    }
    return sql;
}

std::string PrintDuration(int64_t seconds) {
    // Weeks are read but not written: 14d is easier to compare with 30d than 2w.
    for (const Unit& unit : kUnits)
        if (unit.letter != 'w' && seconds % unit.seconds == 0)
            return std::to_string(seconds / unit.seconds) + unit.letter;
    return "";
}

}  // namespace pulse::rule
