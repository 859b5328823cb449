#include <gtest/gtest.h>

#include "pulse/http/address.hpp"

namespace pulse::http {
namespace {

bool Public(const char* text) {
    const auto address = ParseIpAddress(text);
    EXPECT_TRUE(address) << text;
    return address && IsPublic(*address);
}

bool Allows(const AddressRules& rules, const std::string& host, const std::string& at) {
    return rules.Refuses(host, *ParseIpAddress(at)).empty();
}

TEST(HttpAddress, ReadsOnlyWholeAddresses) {
    EXPECT_EQ(ParseIpAddress("10.0.0.1")->Text(), "10.0.0.1");
    EXPECT_EQ(ParseIpAddress("[::1]")->Text(), "::1");
    EXPECT_EQ(ParseIpAddress("fe80::1%eth0")->Text(), "fe80::1");
    EXPECT_EQ(ParseIpAddress("::ffff:8.8.8.8")->Text(), "8.8.8.8");
    EXPECT_EQ(*ParseIpAddress("::ffff:8.8.8.8"), *ParseIpAddress("8.8.8.8"));
    for (const char* bad : {"", "127.1", "0x7f.1", "2130706433", "0177.0.0.1", "10.0.0.256", "localhost",
                            "1.2.3.4.5", "[", "[]", ":::"})
        EXPECT_FALSE(ParseIpAddress(bad)) << bad;
}

TEST(HttpAddress, KnowsWhatIsPublic) {
    for (const char* text :
         {"8.8.8.8", "1.1.1.1", "172.15.255.255", "172.32.0.1", "100.63.255.255", "100.128.0.1",
          "169.253.1.1", "192.167.1.1", "223.255.255.255", "11.0.0.1", "2606:4700::1111", "2a00::1",
          "::ffff:8.8.8.8", "64:ff9b::808:808", "2003::1", "2001:4860::8888"})
        EXPECT_TRUE(Public(text)) << text;
    for (const char* text : {"0.0.0.0",
                             "0.1.2.3",
                             "10.0.0.1",
                             "10.255.255.255",
                             "100.64.0.1",
                             "100.127.255.255",
                             "127.0.0.1",
                             "127.255.255.254",
                             "169.254.169.254",
                             "172.16.0.1",
                             "172.31.255.255",
                             "192.0.0.1",
                             "192.0.2.1",
                             "192.168.1.1",
                             "198.18.0.1",
                             "198.19.255.255",
                             "198.51.100.1",
                             "203.0.113.1",
                             "224.0.0.1",
                             "239.1.1.1",
                             "240.0.0.1",
                             "255.255.255.255",
                             "::",
                             "::1",
                             "::7f00:1",
                             "::ffff:127.0.0.1",
                             "::ffff:10.0.0.1",
                             "64:ff9b::7f00:1",
                             "64:ff9b::a00:1",
                             "64:ff9b:1::1",
                             "100::1",
                             "2001::1",
                             "2001:10::1",
                             "2001:db8::1",
                             "2002:7f00:1::",
                             "2002:808:808::1",
                             "3fff::1",
                             "fc00::1",
                             "fd12:3456::1",
                             "fe80::1",
                             "fec0::1",
                             "ff02::1",
                             "5f00::1"})
        EXPECT_FALSE(Public(text)) << text;
}

TEST(HttpAddress, StarIsEveryPublicAddress) {
    const AddressRules rules("*", false);
    EXPECT_EQ(rules.Refuses("https", "example.com"), "");
    EXPECT_TRUE(Allows(rules, "example.com", "8.8.8.8"));
    EXPECT_FALSE(Allows(rules, "example.com", "10.0.0.1"));
    EXPECT_FALSE(Allows(rules, "localhost", "127.0.0.1"));
    EXPECT_FALSE(Allows(rules, "localhost", "::1"));
    EXPECT_NE(rules.Refuses("https", "127.0.0.1"), "");
    EXPECT_NE(rules.Refuses("https", "[::1]"), "");
    EXPECT_EQ(rules.Refuses("https", "8.8.8.8"), "");
    EXPECT_EQ(rules.Refuses("example.com", *ParseIpAddress("10.0.0.1")),
              "example.com is at 10.0.0.1, which is not a public address and not in pulse.allowed_hosts");
}

TEST(HttpAddress, NamesAndWildcards) {
    const AddressRules rules("Hooks.Example.com., *.internal.example", false);
    EXPECT_TRUE(Allows(rules, "hooks.example.COM", "10.0.0.1"));
    EXPECT_TRUE(Allows(rules, "hooks.example.com.", "8.8.8.8"));
    EXPECT_NE(rules.Refuses("https", "example.com"), "");
    EXPECT_NE(rules.Refuses("https", "evilhooks.example.com"), "");
    // A wildcard matches names below it, with public addresses.
    EXPECT_EQ(rules.Refuses("https", "a.internal.example"), "");
    EXPECT_TRUE(Allows(rules, "a.b.internal.example", "8.8.8.8"));
    EXPECT_FALSE(Allows(rules, "a.internal.example", "10.0.0.1"));
    EXPECT_NE(rules.Refuses("https", "internal.example"), "");
    EXPECT_NE(rules.Refuses("https", "xinternal.example"), "");
}

TEST(HttpAddress, NetworksAndAddresses) {
    const AddressRules rules("10.1.0.0/16, 192.168.7.7, ::1, fd00::/8,", false);
    EXPECT_TRUE(rules.bad().empty());
    EXPECT_TRUE(Allows(rules, "any.name", "10.1.255.3"));
    EXPECT_TRUE(Allows(rules, "any.name", "::ffff:10.1.0.1"));
    EXPECT_FALSE(Allows(rules, "any.name", "10.2.0.1"));
    EXPECT_TRUE(Allows(rules, "192.168.7.7", "192.168.7.7"));
    EXPECT_FALSE(Allows(rules, "192.168.7.8", "192.168.7.8"));
    EXPECT_TRUE(Allows(rules, "x", "::1"));
    EXPECT_TRUE(Allows(rules, "x", "fd99::1"));
    EXPECT_FALSE(Allows(rules, "x", "fe80::1"));
    // Without *, public addresses are refused, too.
    EXPECT_FALSE(Allows(rules, "x", "8.8.8.8"));
    // The addresses of a name are checked on connecting.
    EXPECT_EQ(rules.Refuses("https", "any.name"), "");
    EXPECT_TRUE(Allows(AddressRules("0.0.0.0/0", false), "x", "127.0.0.1"));
    EXPECT_FALSE(Allows(AddressRules("0.0.0.0/0", false), "x", "::1"));
    EXPECT_TRUE(Allows(AddressRules("::/0", false), "x", "127.0.0.1"));
    EXPECT_TRUE(Allows(AddressRules("10.0.0.128/25", false), "x", "10.0.0.200"));
    EXPECT_FALSE(Allows(AddressRules("10.0.0.128/25", false), "x", "10.0.0.100"));
}

TEST(HttpAddress, EmptyListAllowsNothing) {
    for (const char* text : {"", " ", ",", " , ,"}) {
        const AddressRules rules(text, true);
        EXPECT_NE(rules.Refuses("https", "example.com"), "") << text;
        EXPECT_TRUE(rules.bad().empty());
    }
}

TEST(HttpAddress, BadEntriesAreCollected) {
    const AddressRules rules(
        "example.com, 10.0.0.0/33, 127.1, host:80, ex*mple.com, fd00::/129, https://a.b, m\xC3\xBCller.de, "
        "a..b, *.1, 10.0.0.1/x, -a",
        false);
    EXPECT_EQ(rules.bad().size(), 11U);
    EXPECT_EQ(rules.Refuses("https", "example.com"), "");
    EXPECT_NE(rules.Refuses("https", "a.b"), "");
}

TEST(HttpAddress, Schemes) {
    const AddressRules secure("*", false), open("*", true);
    EXPECT_EQ(secure.Refuses("https", "example.com"), "");
    EXPECT_EQ(secure.Refuses("smtp", "example.com"), "");
    EXPECT_EQ(secure.Refuses("smtps", "example.com"), "");
    EXPECT_EQ(secure.Refuses("http", "example.com"), "a URL without TLS (http) needs pulse.allow_http");
    EXPECT_EQ(open.Refuses("http", "example.com"), "");
    for (const char* scheme : {"file", "ftp", "gopher", "dict", "ldap", "", "HTTPX"})
        EXPECT_NE(open.Refuses(scheme, "example.com"), "") << scheme;
}

}  // namespace
}  // namespace pulse::http
