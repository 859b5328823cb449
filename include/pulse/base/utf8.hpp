// UTF-8 text by its characters.
#pragma once

#include <cstddef>
#include <string>
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

// Length in bytes of the well-formed character at `at`; 0 when there is no such character.
size_t Utf8Length(std::string_view text, size_t at);

// How many bytes at the beginning are valid UTF-8 without NUL: text.size() when all of them are.
size_t ValidUtf8(std::string_view text);

// The last border between two characters that is not beyond `limit` bytes. In bytes that are not UTF-8, at
// most three before `limit`.
size_t CharacterBorder(std::string_view text, size_t limit);

// Cut `text` to at most `limit` bytes at a character border, with `ending` after it when something was cut.
std::string Shorten(std::string_view text, size_t limit, std::string_view ending = "…");

// Append a code point up to 0x10FFFF.
void AppendUtf8(std::string& text, char32_t code);

}  // namespace pulse
