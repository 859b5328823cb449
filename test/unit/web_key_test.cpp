#include "pulse/web/key.hpp"

#include <gtest/gtest.h>

#include <set>

#include "pulse/base/error.hpp"

namespace pulse::web {

namespace {

// Bytes that count up from 0.
std::function<std::string(size_t)> Counting() {
    return [next = 0](size_t count) mutable {
        std::string bytes;
        for (size_t i = 0; i < count; ++i) bytes += static_cast<char>(next++);
        return bytes;
    };
}

TEST(WebKey, HasKindPartsAndChecksum) {
    const KeyText key = MakeKey(KeyKind::kWrite, Counting());
    EXPECT_EQ(key.prefix, "pulse_write_01234567");
    // The last six digits are CRC-32 of what is before them, as Python's zlib.crc32() has it, in base 62.
    EXPECT_EQ(key.text, "pulse_write_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcd40oSwn");
    EXPECT_EQ(PrefixOf(key.text), key.prefix);
}

TEST(WebKey, EveryKindIsFoundAgain) {
    for (const KeyKind kind : {KeyKind::kPublic, KeyKind::kWrite, KeyKind::kRead, KeyKind::kAdmin}) {
        const KeyText key = MakeKey(kind, Counting());
        EXPECT_EQ(key.text.size(), std::string(Name(kind)).size() + 53);
        EXPECT_EQ(PrefixOf(key.text), key.prefix);
        EXPECT_EQ(ParseKeyKind(Name(kind)), kind);
    }
}

TEST(WebKey, BytesThatWouldFavourSomeDigitsAreLeftOut) {
    // 248 to 255 would make 0 to 7 more frequent.
    int call = 0;
    const KeyText key = MakeKey(KeyKind::kRead, [&](size_t count) {
        return ++call == 1 ? std::string(count, '\xF8') : std::string(count, '\xF7');
    });
    EXPECT_EQ(call, 2);
    EXPECT_EQ(key.prefix, "pulse_read_zzzzzzzz");
}

TEST(WebKey, OneWrongCharacterIsNoKey) {
    const std::string text = MakeKey(KeyKind::kAdmin, Counting()).text;
    for (size_t i = 0; i < text.size(); ++i) {
        std::string other = text;
        other[i] = other[i] == 'x' ? 'y' : 'x';
        EXPECT_FALSE(PrefixOf(other)) << other;
        EXPECT_FALSE(PrefixOf(text.substr(0, i))) << i;
    }
}

TEST(WebKey, MalformedTextIsNoKey) {
    const std::string text = MakeKey(KeyKind::kPublic, Counting()).text;
    for (const std::string& other :
         {std::string(), std::string("pulse_"), std::string("pulse_public_"), text + "0", " " + text,
          text + std::string(1, '\0'), std::string(1 << 20, 'a'), "pulse_public_" + std::string(46, '\xC3'),
          "pulse_owner_" + text.substr(13), "Pulse_public_" + text.substr(13)})
        EXPECT_FALSE(PrefixOf(other)) << other.substr(0, 100);
}

TEST(WebKey, KindsAreListedInTheError) {
    for (const char* name : {"", "Public", "owner", "public "}) {
        try {
            ParseKeyKind(name);
            FAIL() << name;
        } catch (const UserError& error) {
            EXPECT_EQ(error.state(), sqlstate::kInvalidParameter);
            EXPECT_EQ(error.hint(), "Kinds are public, write, read, admin.");
        }
    }
}

TEST(WebKey, DigestIsSha256) {
    // The value of FIPS 180-2, appendix B.1.
    constexpr unsigned char kAbc[] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40,
                                      0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17,
                                      0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
    const std::string_view abc(reinterpret_cast<const char*>(kAbc), sizeof kAbc);
    EXPECT_TRUE(SameDigest(Digest("abc"), abc));
    EXPECT_FALSE(SameDigest(Digest("abd"), abc));
    EXPECT_FALSE(SameDigest(Digest("abc"), abc.substr(1)));
    EXPECT_FALSE(SameDigest("", abc));
}

}  // namespace

}  // namespace pulse::web
