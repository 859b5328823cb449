#include "pulse/profile/identifier_search.hpp"

#include <gtest/gtest.h>

#include "pulse/base/hex.hpp"

namespace pulse::profile {
namespace {

bool Found(const std::string& identifier, const std::string& text) {
    IdentifierSearch search;
    search.Add(7, identifier);
    EXPECT_EQ(search.Find(text), search.Finds(text) ? std::vector<size_t>{7} : std::vector<size_t>{});
    return search.Finds(text);
}

TEST(ProfileIdentifierSearch, AddressesStandByThemselves) {
    EXPECT_TRUE(Found("ann@example.com", "ann@example.com"));
    EXPECT_TRUE(Found("ann@example.com", "mail to ANN@Example.COM, now"));
    EXPECT_TRUE(Found("ann@example.com", "<ann@example.com>."));
    EXPECT_TRUE(Found("Ann@Example.com", "{\"email\": \"ann@example.com\"}"));
    EXPECT_FALSE(Found("ann@example.com", "joann@example.com"));
    EXPECT_FALSE(Found("ann@example.com", "jo.ann@example.com"));
    EXPECT_FALSE(Found("ann@example.com", "ann@example.com.au"));
    EXPECT_FALSE(Found("ann@example.com", "ann@example.comx"));
    EXPECT_FALSE(Found("ann@example.com", "ann@example.co"));
    EXPECT_FALSE(Found("ann@example.com", ""));
}

TEST(ProfileIdentifierSearch, LongIdsAreWords) {
    EXPECT_TRUE(Found("customer-4711", "see customer-4711"));
    EXPECT_TRUE(Found("customer-4711", "x:Customer-4711:y"));
    EXPECT_FALSE(Found("customer-4711", "customer-47112"));
    EXPECT_FALSE(Found("customer-4711",
                       "\xc3\xa4"
                       "customer-4711"));
}

TEST(ProfileIdentifierSearch, ShortIdsAreWholeValues) {
    EXPECT_TRUE(Found("ann", "ann"));
    EXPECT_TRUE(Found("ann", "{\"userId\": \"ann\"}"));
    EXPECT_TRUE(Found("ann", "42,ann,\n"));
    EXPECT_TRUE(Found("a", "\"a\""));
    EXPECT_TRUE(Found("a", "a"));
    EXPECT_FALSE(Found("ann", "ann went out"));
    EXPECT_FALSE(Found("42", "{\"amount\": 42}"));
    EXPECT_FALSE(Found("a", "a b"));
    EXPECT_TRUE(Found("say \"a\"", "{\"id\": \"say \\\"a\\\"\"}"));
}

TEST(ProfileIdentifierSearch, PhonesInAllForms) {
    EXPECT_TRUE(Found("+491511234567", "+491511234567"));
    EXPECT_TRUE(Found("+491511234567", "491511234567"));
    EXPECT_TRUE(Found("+491511234567", "00491511234567"));
    EXPECT_TRUE(Found("491511234567", "tel: +491511234567"));
    EXPECT_FALSE(Found("+491511234567", "4915112345678"));
    EXPECT_TRUE(Found("+491511234567", ToHex(Sha256("491511234567"))));
    EXPECT_TRUE(Found("+491511234567", Sha256("+491511234567")));
}

TEST(ProfileIdentifierSearch, Hashes) {
    EXPECT_EQ(ToHex(Sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_TRUE(Found(" Ann@Example.com ", "x" + ToHex(Sha256("ann@example.com")) + "y"));
    EXPECT_TRUE(Found("ann@example.com", "\x01\xff" + Sha256("ann@example.com") + std::string(1, '\0')));
    EXPECT_TRUE(Found("a.nn+shop@gmail.com", ToHex(Sha256("ann@gmail.com"))));
    EXPECT_FALSE(Found("a.nn@example.com", ToHex(Sha256("ann@example.com"))));
}

TEST(ProfileIdentifierSearch, ManyOwners) {
    IdentifierSearch search;
    EXPECT_TRUE(search.empty());
    EXPECT_FALSE(search.Finds("anything"));
    for (size_t i = 0; i < 1000; ++i) search.Add(i, "person-" + std::to_string(10000 + i));
    search.Add(3, "");
    search.Add(3, "   ");
    EXPECT_EQ(search.Find("person-10042 knows person-10007 and person-10042"), (std::vector<size_t>{42, 7}));
    EXPECT_EQ(search.Find("person-1004"), std::vector<size_t>{});
}

}  // namespace
}  // namespace pulse::profile
