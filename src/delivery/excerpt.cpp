// Text from outside, made fit for a table. Pure C++.
#include "pulse/delivery/excerpt.hpp"

#include <cstdint>

namespace pulse::delivery {

namespace {

// Bytes of the valid UTF-8 sequence at `at`, 0 when there is none.
size_t Sequence(const std::string& text, size_t at) {
    const auto byte = [&](size_t i) { return i < text.size() ? static_cast<uint8_t>(text[i]) : uint8_t{0}; };
    const uint8_t first = byte(at);
    if (first < 0x80) return 1;
    const size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4) return 0;
    for (size_t i = 1; i < length; ++i)
        if ((byte(at + i) & 0xC0) != 0x80) return 0;
    const uint8_t second = byte(at + 1);
    const bool overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
    const bool beyond = (first == 0xED && second > 0x9F) || (first == 0xF4 && second > 0x8F);
    return overlong || beyond ? 0 : length;
}

}  // namespace

std::string Excerpt(const std::string& text, size_t characters, bool utf8) {
    std::string result;
    for (size_t at = 0; at < text.size() && characters > 0; --characters) {
        const size_t length = Sequence(text, at);
        const auto byte = static_cast<uint8_t>(text[at]);
        if (length == 0 || (length > 1 && !utf8) || byte == 0x7F)
            result += '?';
        else if (byte < 0x20)
            result += byte == '\n' || byte == '\t' ? text[at] : ' ';
        else
            result.append(text, at, length);
        at += length == 0 ? 1 : length;
    }
    return result;
}

}  // namespace pulse::delivery
