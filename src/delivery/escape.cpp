#include "pulse/delivery/escape.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "pulse/base/json.hpp"
#include "pulse/base/utf8.hpp"

namespace pulse::delivery {

namespace {

constexpr std::string_view kEllipsis = "\xE2\x80\xA6";

std::string CleanUp(std::string_view text, size_t limit, bool lines) {
    std::string result;
    size_t length = 0, before_last = 0;
    while (!text.empty()) {
        char32_t code = NextCharacter(text);
        if (code == 0xFFFE || code == 0xFFFF) code = kReplacementCharacter;
        if (IsInvisible(code)) continue;
        const bool kept = lines && (code == '\n' || code == '\t' || code == ' ');
        if (!kept && IsBlank(code)) {
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
        const std::string piece = escape(NextCharacter(text));
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
