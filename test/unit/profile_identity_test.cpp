#include "pulse/profile/identity.hpp"

#include <gtest/gtest.h>

namespace pulse::profile {
namespace {

IdentityKind Kind(const std::string& normalisation) {
    IdentityKind kind;
    kind.kind = "k";
    kind.normalisation = normalisation;
    SetBlocked(kind, {"anonymous", "NULL", "[object object]", "noreply@*", "test-??"});
    return kind;
}

std::string Norm(const std::string& normalisation, const std::string& raw) {
    const Normalised result = Normalise(Kind(normalisation), raw);
    return result.value ? *result.value : "! " + result.problem;
}

TEST(ProfileIdentity, TrimsAndStrips) {
    EXPECT_EQ(Norm("trim", "  User 1\n"), "User 1");
    EXPECT_EQ(Norm("trim",
                   "a\x01"
                   "b\x7f"),
              "ab");
    EXPECT_EQ(Norm("trim", "\xc2\xa0\xe2\x80\x8bx\xef\xbb\xbf\xc2\xa0"), "x");
    EXPECT_EQ(Norm("trim", "a\tb"), "a b");
    EXPECT_EQ(Norm("trim", " \t\n"), "! it is blank");
    EXPECT_EQ(Norm("trim", ""), "! it is blank");
    EXPECT_EQ(Norm("trim", "\xc2\xa0"), "! it is blank");
    EXPECT_EQ(Norm("lower", " AbC "), "abc");
    EXPECT_EQ(Norm("trim", "AbC"), "AbC");
}

TEST(ProfileIdentity, CountsCharacters) {
    std::string wide;
    for (int i = 0; i < 255; ++i) wide += "\xc3\xa4";
    EXPECT_EQ(Norm("trim", wide), wide);
    EXPECT_EQ(Norm("trim", wide + "x"), "! it is longer than 255 characters");
    EXPECT_EQ(Norm("trim", std::string(1 << 20, 'x')), "! it is longer than 255 characters");
}

TEST(ProfileIdentity, Placeholders) {
    for (const char* raw :
         {"anonymous", "ANONYMOUS", " Anonymous ", "\"anonymous\"", "'\"null\"'", "[object Object]", "0", "-",
          "000", "00000000-0000-0000-0000-000000000000", "\"\"", "noreply@x", "Test-12", "`0`"})
        EXPECT_EQ(Norm("trim", raw), "! it is a placeholder") << raw;
    for (const char* raw : {"anonymous1", "10", "test-1", "test-123", "nullable", "\"", "'a", "x noreply@"})
        EXPECT_EQ(Norm("trim", raw), raw);
    EXPECT_EQ(Norm("email", "mailto:NoReply@example.com"), "! it is a placeholder");
    EXPECT_EQ(Norm("email", "null"), "! it is a placeholder");
    EXPECT_EQ(Norm("phone", "000-000-0000"), "! it is a placeholder");
    EXPECT_EQ(Norm("phone", "(000) 000"), "! it is not a phone number");
}

TEST(ProfileIdentity, PatternsWithManyStarsTerminate) {
    IdentityKind kind;
    kind.normalisation = "trim";
    SetBlocked(kind, {std::string(200, '*') + "b", "*a*a*a*a*a*a*a*a*c"});
    EXPECT_TRUE(Normalise(kind, std::string(255, 'a')).value);
    EXPECT_FALSE(Normalise(kind, std::string(254, 'a') + "b").value);
}

TEST(ProfileIdentity, Email) {
    EXPECT_EQ(Norm("email", " Ann.Lee+Shop@Example.COM "), "ann.lee+shop@example.com");
    EXPECT_EQ(Norm("email", "mailto:a@b.co"), "a@b.co");
    EXPECT_EQ(Norm("email", "a@m\xc3\xbcller.de"), "a@m\xc3\xbcller.de");
    for (const char* raw : {"a", "@b.co", "a@", "a@b", "a@@b.co", "a@b@c.de", "a b@c.de", "a@b..de", "a@.de",
                            "a@b.de.", "a@-b.de", "a@b_c.de", "<a@b.de>", "a@b.de,c@d.de"})
        EXPECT_EQ(Norm("email", raw), "! it is not an e-mail address") << raw;
    EXPECT_EQ(Norm("email", std::string(65, 'a') + "@b.de"), "! it is not an e-mail address");
}

TEST(ProfileIdentity, Phone) {
    EXPECT_EQ(Norm("phone", "+49 (30) 123-456"), "+4930123456");
    EXPECT_EQ(Norm("phone", "0049 30 123.456"), "+4930123456");
    EXPECT_EQ(Norm("phone", "tel:+4930123456"), "+4930123456");
    EXPECT_EQ(Norm("phone", "030/123456"), "030123456");  // a national number: the country is unknown
    for (const char* raw :
         {"123456", "+1234567890123456", "12 34 call me", "+", "1+234567", "++1234567", "no"})
        EXPECT_EQ(Norm("phone", raw), "! it is not a phone number") << raw;
}

TEST(ProfileIdentity, NormalFormIsIdempotent) {
    for (const char* normalisation : {"email", "phone", "lower", "trim"})
        for (const char* raw : {" A@b.CO", "+49 30 1234567", "0049301234567", "\xc2\xa0Xy ",
                                "mailto:mailto@b.co", "tel:0301234567"}) {
            const Normalised once = NormalForm(normalisation, raw);
            if (!once.value) continue;
            EXPECT_EQ(NormalForm(normalisation, *once.value).value, once.value) << raw;
        }
}

}  // namespace
}  // namespace pulse::profile
