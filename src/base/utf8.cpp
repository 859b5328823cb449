#include "pulse/base/utf8.hpp"

namespace pulse {

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
