#include "pulse/rule/version.hpp"

#include <algorithm>

#include "pulse/base/ascii.hpp"
#include "pulse/rule/literal.hpp"

namespace pulse::rule {

namespace {

constexpr size_t kMaxVersion = 255;    // bytes
constexpr size_t kMaxIdentifier = 99;  // digits

bool IsIdentifierSign(char c) {
    return IsLetter(c) || IsDigit(c) || c == '-';
}

// The longest prefix of such signs; removed from the text.
template <typename Belongs>
std::string_view TakeWhile(std::string_view& text, Belongs belongs) {
    const auto end = std::find_if_not(text.begin(), text.end(), belongs);
    const std::string_view taken = text.substr(0, static_cast<size_t>(end - text.begin()));
    text.remove_prefix(taken.size());
    return taken;
}

bool Accept(std::string_view& text, char sign) {
    if (!text.starts_with(sign)) return false;
    text.remove_prefix(1);
    return true;
}

// The number of digits, then the digits: longer numbers are greater.
bool AddNumber(std::string_view digits, std::string& key) {
    const bool valid =
        !digits.empty() && digits.size() <= kMaxIdentifier && (digits.size() == 1 || digits.front() != '0');
    if (!valid) return false;
    key += static_cast<char>('0' + digits.size() / 10);
    key += static_cast<char>('0' + digits.size() % 10);
    key += digits;
    return true;
}

// Numbers come before words; ! ends a word, below all signs of words.
bool AddIdentifier(std::string_view identifier, std::string& key) {
    if (std::all_of(identifier.begin(), identifier.end(), IsDigit)) {
        key += '0';
        return AddNumber(identifier, key);
    }
    key += '1';
    key += identifier;
    key += '!';
    return true;
}

// Identifiers with dots between them.
template <typename Add>
bool ReadIdentifiers(std::string_view& text, Add add) {
    do {
        const std::string_view identifier = TakeWhile(text, IsIdentifierSign);
        if (identifier.empty() || !add(identifier)) return false;
    } while (Accept(text, '.'));
    return true;
}

}  // namespace

std::optional<std::string> VersionKey(std::string_view text) {
    if (text.size() > kMaxVersion) return std::nullopt;
    if (!Accept(text, 'v')) Accept(text, 'V');
    std::string key;
    bool more = true;
    for (int part = 0; part < 3; ++part) {
        if (!AddNumber(more ? TakeWhile(text, IsDigit) : "0", key)) return std::nullopt;
        more = more && part < 2 && Accept(text, '.');
    }
    if (Accept(text, '-')) {
        key += '-';
        if (!ReadIdentifiers(text, [&](std::string_view one) { return AddIdentifier(one, key); }))
            return std::nullopt;
    } else {
        key += '~';  // a release comes after its pre-releases
    }
    if (Accept(text, '+') && !ReadIdentifiers(text, [](std::string_view) { return true; }))
        return std::nullopt;
    return text.empty() ? std::optional(key) : std::nullopt;
}

std::string VersionKeySql(const std::string& text) {
    static const std::string number = "0|[1-9][0-9]{0," + std::to_string(kMaxIdentifier - 1) + "}",
                             word = "[0-9]*[A-Za-z-][0-9A-Za-z-]*", any = "[0-9A-Za-z-]+",
                             before = "(?:" + number + "|" + word + ")",
                             pattern = "^(?=.{0," + std::to_string(kMaxVersion) + "}$)[vV]?(" + number +
                                       ")(?:[.](" + number + ")(?:[.](" + number + "))?)?(?:-(" + before +
                                       "(?:[.]" + before + ")*))?(?:[+]" + any + "(?:[.]" + any + ")*)?$";
    const auto number_key = [](const std::string& digits) {
        return "pg_catalog.lpad(pg_catalog.length(" + digits + ")::text, 2, '0') || " + digits;
    };
    return "(SELECT " + number_key("v.m[1]") + " || " + number_key("COALESCE(v.m[2], '0')") + " || " +
           number_key("COALESCE(v.m[3], '0')") +
           " || COALESCE('-' || (SELECT pg_catalog.string_agg(CASE WHEN p.i ~ '^[0-9]+$' THEN '0' || " +
           number_key("p.i") +
           " ELSE '1' || p.i || '!' END, '' ORDER BY p.n) FROM pg_catalog.unnest("
           "pg_catalog.string_to_array(v.m[4], '.')) WITH ORDINALITY AS p(i, n)), '~')"
           " FROM pg_catalog.regexp_match(" +
           text + ", '" + pattern + "') AS v(m))";
}

}  // namespace pulse::rule
