#include "pulse/delivery/escape.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "pulse/base/json.hpp"
#include "pulse/base/utf8.hpp"

namespace pulse::delivery {

namespace {

constexpr char32_t kReplacement = 0xFFFD;
constexpr std::string_view kEllipsis = "\xE2\x80\xA6";

// Removes one character from the front of the text; each byte that is not UTF-8 becomes U+FFFD.
char32_t Next(std::string_view& text) {
    const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
    const size_t length = Utf8Length(text, 0);
    char32_t code = length == 0   ? kReplacement
                    : length == 1 ? byte(0)
                    : length == 2 ? byte(0) & 0x1Fu
                    : length == 3 ? byte(0) & 0x0Fu
                                  : byte(0) & 0x07u;
    for (size_t i = 1; i < length; ++i) code = code << 6 | (byte(i) & 0x3Fu);
    text.remove_prefix(std::max<size_t>(length, 1));
    return code;
}

// Direction marks, joiners, fillers and tags, which make a text look like another one.
bool Invisible(char32_t c) {
    return c == 0xAD || c == 0x34F || c == 0x61C || c == 0x115F || c == 0x1160 || c == 0x17B4 ||
           c == 0x17B5 || (c >= 0x180B && c <= 0x180F) || (c >= 0x200B && c <= 0x200F) ||
           (c >= 0x202A && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0x3164 || c == 0xFEFF ||
           c == 0xFFA0 || (c >= 0xFFF0 && c <= 0xFFFB) || (c >= 0xE0000 && c <= 0xE0FFF);
}

bool Blank(char32_t c) {
    return c <= 0x20 || (c >= 0x7F && c <= 0xA0) || c == 0x2028 || c == 0x2029;
}

std::string CleanUp(std::string_view text, size_t limit, bool lines) {
    std::string result;
    size_t length = 0, before_last = 0;
    while (!text.empty()) {
        char32_t code = Next(text);
        if (code == 0xFFFE || code == 0xFFFF) code = kReplacement;
        if (Invisible(code)) continue;
        const bool kept = lines && (code == '\n' || code == '\t' || code == ' ');
        if (!kept && Blank(code)) {
            if (lines && code == '\r') continue;
            code = ' ';
            if (!lines && (result.empty() || result.back() == ' ')) continue;
        }
        if (length == limit) {
            result.resize(before_last);
            return result += kEllipsis;
        }
        before_last = result.size();
        AppendUtf8(result, code);
        ++length;
    }
    while (!result.empty() && (result.back() == ' ' || result.back() == '\n')) result.pop_back();
    return result;
}

// Concatenates `escape(code)` of each character as long as "…" still fits at the end.
template <typename Escape>
std::string EscapeWithin(std::string_view text, size_t limit, Escape escape) {
    std::string result;
    size_t units = 0, cut = 0;  // `cut`: length of the longest beginning that leaves room for "…"
    while (!text.empty()) {
        const std::string piece = escape(Next(text));
        const size_t size = Units(piece);
        if (units + size > limit) {
            result.resize(cut);
            return limit > 0 ? result += kEllipsis : result;
        }
        result += piece;
        units += size;
        if (units < limit) cut = result.size();
    }
    return result;
}

std::string Utf8(char32_t code) {
    std::string text;
    AppendUtf8(text, code);
    return text;
}

}  // namespace

std::string Clean(std::string_view text, size_t limit) {
    return CleanUp(text, limit, false);
}

std::string CleanLines(std::string_view text, size_t limit) {
    return CleanUp(text, limit, true);
}

size_t Units(std::string_view text) {
    size_t units = 0;
    for (const char c : text)
        units += IsUtf8Continuation(c) ? 0 : static_cast<unsigned char>(c) >= 0xF0 ? 2 : 1;
    return units;
}

std::string Cut(std::string_view text, size_t limit) {
    return EscapeWithin(text, limit, Utf8);
}

std::string SlackText(std::string_view text, size_t limit) {
    return EscapeWithin(text, limit, [](char32_t code) {
        return code == '&' ? "&amp;" : code == '<' ? "&lt;" : code == '>' ? "&gt;" : Utf8(code);
    });
}

std::string CardText(std::string_view text, size_t limit) {
    // Some characters make lists and headings only at the beginning; "://" makes links.
    bool first = true, number = true;
    char32_t before = 0;
    return EscapeWithin(text, limit, [&](char32_t code) {
        constexpr std::string_view kFormats = "\\`*_[]<>~|&!";
        const bool formats =
            (code < 0x80 && kFormats.find(static_cast<char>(code)) != std::string_view::npos) ||
            (first && (code == '#' || code == '+' || code == '-')) ||
            (number && !first && (code == '.' || code == ')')) || (code == '/' && before == ':');
        number = number && code >= '0' && code <= '9';
        first = false;
        before = code;
        return formats ? "\\" + Utf8(code) : Utf8(code);
    });
}

std::string Html(std::string_view text) {
    std::string result;
    for (const char c : text) {
        switch (c) {
            case '&': result += "&amp;"; break;
            case '<': result += "&lt;"; break;
            case '>': result += "&gt;"; break;
            case '"': result += "&quot;"; break;
            case '\'': result += "&#39;"; break;
            default: result += c;
        }
    }
    return result;
}

int64_t UnixTime(Moment moment) {
    constexpr int64_t kTo1970 = 946'684'800;
    int64_t seconds = moment / kSecond;
    if (moment % kSecond < 0) --seconds;
    return seconds + kTo1970;
}

std::string IsoTime(Moment moment) {
    const std::string text = FormatMoment(moment);  // 2026-03-01 06:00:00.5+00
    const size_t blank = text.find(' ', 1);
    std::string fraction = "000";
    if (text.size() > blank + 9 && text[blank + 9] == '.') fraction = text.substr(blank + 10, 3);
    return text.substr(0, blank) + "T" + text.substr(blank + 1, 8) + "." + fraction + "Z";
}

}  // namespace pulse::delivery
