#include "pulse/base/utf8.hpp"

#include <gtest/gtest.h>

namespace pulse {
namespace {

using namespace std::string_view_literals;

TEST(BaseUtf8, CountsCharacters) {
    EXPECT_EQ(CountCharacters(""), 0u);
    EXPECT_EQ(CountCharacters("aé€😀"), 4u);
}

TEST(BaseUtf8, RecognisesWellFormedCharacters) {
    EXPECT_EQ(Utf8Length("a", 0), 1u);
    EXPECT_EQ(Utf8Length("aé", 1), 2u);
    EXPECT_EQ(Utf8Length("€", 0), 3u);
    EXPECT_EQ(Utf8Length("😀", 0), 4u);
    EXPECT_EQ(Utf8Length("\0"sv, 0), 1u);
    EXPECT_EQ(Utf8Length("a", 1), 0u);
    for (const std::string_view bad :
         {"\x80"sv, "\xC1\xBF"sv, "\xC3"sv, "\xC3x"sv, "\xE0\x9F\xBF"sv, "\xED\xA0\x80"sv, "\xE2\x82"sv,
          "\xF0\x8F\xBF\xBF"sv, "\xF4\x90\x80\x80"sv, "\xF5\x80\x80\x80"sv, "\xFF"sv})
        EXPECT_EQ(Utf8Length(bad, 0), 0u) << bad;
    EXPECT_EQ(Utf8Length("\xED\x9F\xBF", 0), 3u);
    EXPECT_EQ(Utf8Length("\xF4\x8F\xBF\xBF", 0), 4u);
}

TEST(BaseUtf8, FindsTheFirstInvalidByte) {
    EXPECT_EQ(ValidUtf8(""), 0u);
    EXPECT_EQ(ValidUtf8("aé€😀"), 10u);
    EXPECT_EQ(ValidUtf8("a\0b"sv), 1u);
    EXPECT_EQ(ValidUtf8("é\x80"), 2u);
    EXPECT_EQ(ValidUtf8("aé\xE2\x82"), 3u);
}

TEST(BaseUtf8, CutsBetweenCharacters) {
    EXPECT_EQ(Shorten("aé€", 6), "aé€");
    EXPECT_EQ(Shorten("aé€", 5), "aé…");
    EXPECT_EQ(Shorten("aé€", 3), "aé…");
    EXPECT_EQ(Shorten("aé€", 2), "a…");
    EXPECT_EQ(Shorten("aé€", 2, "..."), "a...");
    EXPECT_EQ(Shorten("€", 2, ""), "");
    EXPECT_EQ(Shorten("😀😀", 7, ""), "😀");
    EXPECT_EQ(CharacterBorder("aé", 9), 3u);
    EXPECT_EQ(CharacterBorder("", 0), 0u);
}

// Invalid UTF-8 is cut near the limit, so that a loop that cuts repeatedly always makes progress.
TEST(BaseUtf8, CutsBytesThatAreNotUtf8) {
    EXPECT_EQ(CharacterBorder(std::string(100, '\x80'), 50), 47u);
}

TEST(BaseUtf8, WritesCodePoints) {
    std::string text;
    for (const char32_t code : {U'a', U'é', U'€', U'😀'}) AppendUtf8(text, code);
    EXPECT_EQ(text, "aé€😀");
}

}  // namespace
}  // namespace pulse
