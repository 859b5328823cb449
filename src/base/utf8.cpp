#include "pulse/base/utf8.hpp"

#include <algorithm>

namespace pulse {

namespace {

// Letters in upper case, and the distance to those in lower case. Where `step` is 2, both alternate.
struct Letters {
    char32_t first, last;
    char32_t step;
    int32_t distance;
};
constexpr Letters kUpper[] = {
    {'A', 'Z', 1, 32},      {0xC0, 0xD6, 1, 32},     {0xD8, 0xDE, 1, 32},    {0x100, 0x12E, 2, 1},
    {0x132, 0x136, 2, 1},   {0x139, 0x147, 2, 1},    {0x14A, 0x176, 2, 1},   {0x178, 0x178, 1, -121},
    {0x179, 0x17D, 2, 1},   {0x1CD, 0x1DB, 2, 1},    {0x1DE, 0x1EE, 2, 1},   {0x1F8, 0x21E, 2, 1},
    {0x222, 0x232, 2, 1},   {0x386, 0x386, 1, 38},   {0x388, 0x38A, 1, 37},  {0x38C, 0x38C, 1, 64},
    {0x38E, 0x38F, 1, 63},  {0x391, 0x3A1, 1, 32},   {0x3A3, 0x3AB, 1, 32},  {0x400, 0x40F, 1, 80},
    {0x410, 0x42F, 1, 32},  {0x460, 0x480, 2, 1},    {0x48A, 0x4BE, 2, 1},   {0x4C1, 0x4CD, 2, 1},
    {0x4D0, 0x52E, 2, 1},   {0x531, 0x556, 1, 48},   {0x1E00, 0x1E94, 2, 1}, {0x1E9E, 0x1E9E, 1, -7615},
    {0x1EA0, 0x1EFE, 2, 1}, {0xFF21, 0xFF3A, 1, 32},
};

char32_t LowerCase(char32_t code) {
    for (const Letters& letters : kUpper)
        if (code >= letters.first && code <= letters.last)
            return (code - letters.first) % letters.step == 0
                       ? static_cast<char32_t>(static_cast<int32_t>(code) + letters.distance)
                       : code;
    return code;
}

}  // namespace

std::string LowerUtf8(std::string_view text) {
    std::string lower;
    lower.reserve(text.size());
    for (size_t at = 0; at < text.size();) {
        const size_t length = Utf8Length(text, at);
        if (length == 0 || length == 4) {
            lower += text[at++];
            continue;
        }
        auto code = static_cast<char32_t>(static_cast<unsigned char>(text[at]));
        if (length > 1) code &= 0xFFu >> (length + 1);
        for (size_t i = 1; i < length; ++i)
            code = code << 6 | (static_cast<unsigned char>(text[at + i]) & 0x3Fu);
        AppendUtf8(lower, LowerCase(code));
        at += length;
    }
    return lower;
}

size_t Utf8Length(std::string_view text, size_t at) {
    const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
    if (at >= text.size()) return 0;
    const unsigned char first = byte(at);
    if (first < 0x80) return 1;
    if (first < 0xC2 || first > 0xF4) return 0;
    const size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (text.size() - at < length) return 0;
    for (size_t i = 1; i < length; ++i)
        if (!IsUtf8Continuation(text[at + i])) return 0;
    const unsigned char second = byte(at + 1);
    const bool overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
    const bool surrogate = first == 0xED && second > 0x9F;
    const bool beyond = first == 0xF4 && second > 0x8F;
    return overlong || surrogate || beyond ? 0 : length;
}

size_t ValidUtf8(std::string_view text) {
    size_t at = 0;
    while (at < text.size() && text[at] != '\0') {
        const size_t length = Utf8Length(text, at);
        if (length == 0) break;
        at += length;
    }
    return at;
}

size_t CharacterBorder(std::string_view text, size_t limit) {
    if (limit >= text.size()) return text.size();
    size_t end = limit;
    while (end > 0 && limit - end < 3 && IsUtf8Continuation(text[end])) --end;
    return end;
}

std::string Shorten(std::string_view text, size_t limit, std::string_view ending) {
    if (text.size() <= limit) return std::string(text);
    std::string cut(text.substr(0, CharacterBorder(text, limit)));
    return cut += ending;
}

char32_t NextCharacter(std::string_view& text) {
    const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
    const size_t length = Utf8Length(text, 0);
    char32_t code = length == 0   ? kReplacementCharacter
                    : length == 1 ? byte(0)
                    : length == 2 ? byte(0) & 0x1Fu
                    : length == 3 ? byte(0) & 0x0Fu
                                  : byte(0) & 0x07u;
    for (size_t i = 1; i < length; ++i) code = code << 6 | (byte(i) & 0x3Fu);
    text.remove_prefix(std::max<size_t>(length, 1));
    return code;
}

bool IsInvisible(char32_t c) {
    return c == 0xAD || c == 0x34F || c == 0x61C || c == 0x115F || c == 0x1160 || c == 0x17B4 ||
           c == 0x17B5 || (c >= 0x180B && c <= 0x180F) || (c >= 0x200B && c <= 0x200F) ||
           (c >= 0x202A && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0x3164 || c == 0xFEFF ||
           c == 0xFFA0 || (c >= 0xFFF0 && c <= 0xFFFB) || (c >= 0xE0000 && c <= 0xE0FFF);
}

bool IsBlank(char32_t c) {
    return c <= 0x20 || (c >= 0x7F && c <= 0xA0) || c == 0x2028 || c == 0x2029;
}

void AppendUtf8(std::string& text, char32_t code) {
    const auto put = [&](char32_t byte) { text += static_cast<char>(byte); };
    if (code < 0x80) {
        put(code);
    } else if (code < 0x800) {
        put(0xC0 | code >> 6);
        put(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        put(0xE0 | code >> 12);
        put(0x80 | (code >> 6 & 0x3F));
        put(0x80 | (code & 0x3F));
    } else {
        put(0xF0 | code >> 18);
        put(0x80 | (code >> 12 & 0x3F));
        put(0x80 | (code >> 6 & 0x3F));
        put(0x80 | (code & 0x3F));
    }
}

}  // namespace pulse
