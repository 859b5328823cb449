#include "pulse/profile/identity.hpp"
#include "pulse/base/ascii.hpp"
#include "pulse/base/utf8.hpp"

#include <algorithm>
#include <array>

namespace pulse::profile {

namespace {

constexpr size_t kMaxCharacters = 255;

bool IsControl(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

// Multi-byte white space and zero-width marks, which often come along when a value is copied.
size_t WideBlank(std::string_view text) {
    constexpr std::array<std::string_view, 6> kBlanks = {"\xc2\xa0",     "\xe2\x80\x8b", "\xe2\x80\x8c",
                                                         "\xe2\x80\x8d", "\xef\xbb\xbf", "\xe3\x80\x80"};
    for (const std::string_view blank : kBlanks)
        if (text.starts_with(blank)) return blank.size();
    return 0;
}

std::string_view Trimmed(std::string_view text) {
    while (!text.empty()) {
        const size_t length = text.front() == ' ' ? 1 : WideBlank(text);
        if (length == 0) break;
        text.remove_prefix(length);
    }
    while (!text.empty()) {
        size_t length = text.back() == ' ' ? 1 : 0;
        for (size_t n = 2; n <= 3 && length == 0 && n <= text.size(); ++n)
            if (WideBlank(text.substr(text.size() - n)) == n) length = n;
        if (length == 0) break;
        text.remove_suffix(length);
    }
    return text;
}

std::string SanitiseIdentifier(std::string_view raw) {
    std::string clean;
    clean.reserve(raw.size());
    for (const char c : raw) {
        if (c == '\t' || c == '\n' || c == '\r')
            clean += ' ';
        else if (!IsControl(c))
            clean += c;
    }
    return std::string(Trimmed(clean));
}

bool IsDomain(std::string_view domain) {
    if (domain.find('.') == std::string_view::npos || domain.size() > 253) return false;
    size_t begin = 0;
    while (begin <= domain.size()) {
        const size_t end = std::min(domain.find('.', begin), domain.size());
        const std::string_view label = domain.substr(begin, end - begin);
        if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return false;
        for (const char c : label) {
            const bool other = static_cast<unsigned char>(c) >= 0x80;  // names in any script
            if (!other && !IsDigit(c) && c != '-' && !IsLetter(c)) return false;
        }
        begin = end + 1;
    }
    return true;
}

Normalised Email(std::string_view text) {
    if (LowerUtf8(text.substr(0, 7)) == "mailto:") text.remove_prefix(7);
    const size_t at = text.find('@');
    const auto is_bad = [](char c) {
        return c == ' ' || c == '"' || c == '<' || c == '>' || c == ',' || c == ';' || c == '(' || c == ')';
    };
    if (at == std::string_view::npos || at == 0 || at > 64 ||
        text.find('@', at + 1) != std::string_view::npos || std::any_of(text.begin(), text.end(), is_bad) ||
        !IsDomain(text.substr(at + 1)))
        return {std::nullopt, "it is not an e-mail address"};
    return {LowerUtf8(text), ""};
}

Normalised Phone(std::string_view text) {
    const Normalised bad{std::nullopt, "it is not a phone number"};
    if (LowerUtf8(text.substr(0, 4)) == "tel:") text = Trimmed(text.substr(4));
    std::string number;
    for (const char c : text) {
        if (IsDigit(c) || (c == '+' && number.empty()))
            number += c;
        else if (c != ' ' && c != '-' && c != '.' && c != '/' && c != '(' && c != ')')
            return bad;
    }
    if (number.starts_with("00")) number.replace(0, 2, "+");
    const size_t digits = number.size() - (number.starts_with('+') ? 1 : 0);
    if (digits < 7 || digits > 15) return bad;
    return {number, ""};
}

// Whether the pattern matches the whole of `text`. Backtracks to the last * only: linear in practice,
// quadratic at worst.
bool Matches(std::string_view pattern, std::string_view text) {
    size_t p = 0, t = 0, star = std::string_view::npos, from = 0;
    while (t < text.size()) {
        if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t]) && pattern[p] != '*') {
            ++p, ++t;
        } else if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            from = t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++from;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

// Remove quotes that a value was wrapped in by mistake, also repeated ones.
std::string_view Unquoted(std::string_view text) {
    const auto is_quote = [](char c) { return c == '"' || c == '\'' || c == '`'; };
    while (text.size() >= 2 && is_quote(text.front()) && text.back() == text.front())
        text = Trimmed(text.substr(1, text.size() - 2));
    return text;
}

bool IsBlocked(const IdentityKind& kind, std::string_view value) {
    const std::string bare = LowerUtf8(Unquoted(value));
    // All zeros and hyphens: an id that was never set, such as the nil UUID.
    if (bare.find_first_not_of("0-") == std::string::npos) return true;
    if (std::binary_search(kind.blocked.begin(), kind.blocked.end(), bare)) return true;
    return std::any_of(kind.patterns.begin(), kind.patterns.end(),
                       [&](const std::string& pattern) { return Matches(pattern, bare); });
}

}  // namespace

void SetBlocked(IdentityKind& kind, const std::vector<std::string>& blocked) {
    kind.blocked.clear();
    kind.patterns.clear();
    for (const std::string& value : blocked)
        (value.find_first_of("*?") == std::string::npos ? kind.blocked : kind.patterns)
            .push_back(LowerUtf8(value));
    std::sort(kind.blocked.begin(), kind.blocked.end());
}

Normalised NormalForm(const std::string& normalisation, std::string_view raw) {
    const std::string clean = SanitiseIdentifier(raw);
    if (clean.empty()) return {std::nullopt, "it is blank"};
    if (CountCharacters(clean) > kMaxCharacters) return {std::nullopt, "it is longer than 255 characters"};
    if (normalisation == "email") return Email(clean);
    if (normalisation == "phone") return Phone(clean);
    if (normalisation == "lower") return {LowerUtf8(clean), ""};
    return {clean, ""};
}

Normalised Normalise(const IdentityKind& kind, const std::string& raw) {
    // Check for placeholders before the format: the message should name the placeholder.
    const std::string clean = SanitiseIdentifier(raw);
    if (!clean.empty() && IsBlocked(kind, clean)) return {std::nullopt, "it is a placeholder"};
    Normalised form = NormalForm(kind.normalisation, clean);
    if (form.value && *form.value != clean && IsBlocked(kind, *form.value))
        return {std::nullopt, "it is a placeholder"};
    return form;
}

}  // namespace pulse::profile
