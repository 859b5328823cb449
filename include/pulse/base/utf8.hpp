// Characters of UTF-8 text.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pulse {

// Whether the byte is a continuation byte.
constexpr bool IsUtf8Continuation(char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

// The number of characters.
inline size_t CountCharacters(std::string_view text) {
    size_t count = 0;
    for (const char byte : text) count += !IsUtf8Continuation(byte);
    return count;
}

// Length in bytes of the well-formed character at `at`; 0 if there is none.
size_t Utf8Length(std::string_view text, size_t at);

// The number of bytes at the beginning that are valid UTF-8 without NUL; text.size() if all are.
size_t ValidUtf8(std::string_view text);

// The last boundary between two characters within `limit` bytes. If the bytes are not UTF-8, at
// most three before `limit`.
size_t CharacterBorder(std::string_view text, size_t limit);

// Cut `text` to at most `limit` bytes at a character boundary; append `ending` if it was cut.
std::string Shorten(std::string_view text, size_t limit, std::string_view ending = "…");

// Lower case of the letters of Latin, Greek, Cyrillic and Armenian, in any locale. Bytes that are not UTF-8
// stay as they are.
std::string LowerUtf8(std::string_view text);

// Stands for bytes that are not UTF-8.
inline constexpr char32_t kReplacementCharacter = 0xFFFD;

// Remove one character from the front of the text, which is not empty; each byte that is not UTF-8 becomes
// U+FFFD.
char32_t NextCharacter(std::string_view& text);

// Whether it is a direction mark, joiner, filler or tag, which makes a text look like another one.
bool IsInvisible(char32_t character);

// Whether it is a blank, line break or control character.
bool IsBlank(char32_t character);

// Append a code point up to 0x10FFFF.
void AppendUtf8(std::string& text, char32_t code);

}  // namespace pulse
