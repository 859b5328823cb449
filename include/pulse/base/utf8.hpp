// UTF-8 text by its characters.
#pragma once

#include <cstddef>
#include <string_view>

namespace pulse {

// Whether the byte is a second, third or fourth one of a character.
constexpr bool IsUtf8Continuation(char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

// How many characters the text has.
inline size_t CountCharacters(std::string_view text) {
    size_t count = 0;
    for (const char byte : text) count += !IsUtf8Continuation(byte);
    return count;
}

}  // namespace pulse
