// Shortens and cleans text from outside for storing it in a table. Pure C++.
#include "pulse/delivery/excerpt.hpp"

#include <cstdint>

#include "pulse/base/utf8.hpp"

namespace pulse::delivery {

std::string Excerpt(const std::string& text, size_t characters) {
    std::string result;
    for (size_t at = 0; at < text.size() && characters > 0; --characters) {
        const size_t length = Utf8Length(text, at);
        const auto byte = static_cast<uint8_t>(text[at]);
        if (length == 0 || byte == 0x7F)
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
