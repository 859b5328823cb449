// Mail, signatures and escaping.
#include <gtest/gtest.h>

#include "delivery_limits.hpp"
#include "pulse/delivery/sign.hpp"

namespace pulse::delivery {
namespace {

TEST(DeliverySign, TheSpecificationsVector) {
    const auto key = SigningKey("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    ASSERT_TRUE(key);
    EXPECT_EQ(Signature(*key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, "{\"test\": 2432232314}"),
              "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

TEST(DeliverySign, SecretsAreCheckedWhole) {
    EXPECT_FALSE(SigningKey("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
    EXPECT_FALSE(SigningKey("whsec_"));
    EXPECT_FALSE(SigningKey("whsec_MfKQ"));
    EXPECT_FALSE(SigningKey("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS!"));
    EXPECT_TRUE(SigningKey("whsec_" + Base64(std::string(64, 'k'))));
    EXPECT_FALSE(SigningKey("whsec_" + Base64(std::string(65, 'k'))));
}

TEST(DeliverySign, StratumsHeader) {
    // Computed with Python's hmac module.
    EXPECT_EQ(StratumSignature("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "{\"test\": 2432232314}"),
              "sha256=80ec8a89ce3cd22133a1066caecb4d04fea7467657c8514d717ec42c38a5c94c");
}

TEST(DeliverySign, FormerSecretsEnd) {
    const auto secret = [](char c) { return "whsec_" + Base64(std::string(32, c)); };
    const auto list = [](const std::vector<FormerSecret>& former) { return PrintFormerSecrets(former); };
    std::vector<FormerSecret> former = Retire({}, secret('a'), 100, 200);
    EXPECT_EQ(list(former), "200=" + secret('a'));
    former = Retire(former, secret('b'), 150, 300);
    EXPECT_EQ(list(former), "300=" + secret('b') + " 200=" + secret('a'));
    // None lives longer than the newest, and those that have ended go.
    EXPECT_EQ(list(Retire(former, secret('c'), 160, 180)),
              "180=" + secret('c') + " 180=" + secret('b') + " 180=" + secret('a'));
    EXPECT_EQ(list(Retire(former, secret('c'), 200, 400)), "400=" + secret('c') + " 300=" + secret('b'));
    EXPECT_TRUE(Retire(former, secret('c'), 160, 160).empty());
    const auto read = ParseFormerSecrets(list(former));
    ASSERT_TRUE(read);
    EXPECT_EQ(list(*read), list(former));
    EXPECT_TRUE(ParseFormerSecrets("")->empty());
    const std::string one = "1=" + secret('a');
    const std::vector<std::string> invalid = {"x",
                                              secret('a'),
                                              "=" + secret('a'),
                                              "1=",
                                              "1=whsec_x",
                                              "x1=" + secret('a'),
                                              one + "  " + one,
                                              " " + one,
                                              one + " " + one + " " + one + " " + one + " " + one + " " + one,
                                              "99999999999999999999=" + secret('a')};
    for (const std::string& bad : invalid) EXPECT_FALSE(ParseFormerSecrets(bad)) << bad;
}

TEST(DeliverySign, Base64BothWays) {
    const std::vector<std::pair<std::string, std::string>> vectors = {{"", ""},
                                                                      {"f", "Zg=="},
                                                                      {"fo", "Zm8="},
                                                                      {"foo", "Zm9v"},
                                                                      {"foob", "Zm9vYg=="},
                                                                      {"fooba", "Zm9vYmE="},
                                                                      {"foobar", "Zm9vYmFy"}};
    for (const auto& [plain, code] : vectors) {
        EXPECT_EQ(Base64(plain), code);
        EXPECT_EQ(FromBase64(code), plain);
    }
    for (const char* bad : {"Z", "Zg=", "Zg==Zg==", "Z===", "====", "Zm9v\n", "Zm-v"})
        EXPECT_FALSE(FromBase64(bad)) << bad;
}

TEST(DeliveryMime, Addresses) {
    const auto list = ParseAddresses(
        "Pulse <alerts@example.com>, \"Doe, Jane\" <jane.doe+x@sub.example.org>,ops@example.com");
    ASSERT_TRUE(list);
    ASSERT_EQ(list->size(), 3u);
    EXPECT_EQ((*list)[0].name, "Pulse");
    EXPECT_EQ((*list)[1].name, "Doe, Jane");
    EXPECT_EQ((*list)[1].email, "jane.doe+x@sub.example.org");
    EXPECT_EQ(Print((*list)[1]), "\"Doe, Jane\" <jane.doe+x@sub.example.org>");
    for (const char* bad :
         {"", ",", "a", "a@", "@b", "a@b@c", "a b@c.de", "a@b.c\r\nBcc: d@e.f", "a@b.c,", "<a@b.c", "a@b..c",
          ".a@b.c", "Pulse <a@b.c> x", "x\ny <a@b.c>", "a@[127.0.0.1]", "\xC3\xBC@b.c", "a@b.c;d@e.f"})
        EXPECT_FALSE(ParseAddresses(bad)) << bad;
}

TEST(DeliveryMime, NoHeaderCanBeInjected) {
    Mail letter;
    letter.from = {"P\xC3\xBClse \"x\"", "alerts@example.com"};
    letter.to = {{"", "a@example.com"}, {"B, C", "b@example.com"}};
    letter.subject = "hi\r\nBcc: victim@example.com";
    letter.headers = {{"Message-ID", "<1@example.com>\r\nX-Evil: 1"}};
    letter.text =
        "Gr\xC3\xBC\xC3\x9F"
        "e\n.\n" +
        std::string(5'000, 'x');
    letter.html = "<p>x</p>";
    letter.date = *ParseMoment("2026-03-01 06:00");
    letter.boundary = "pulseabc";
    const std::string mime = MakeMime(letter);
    EXPECT_EQ(testing::MimeTrouble(mime), "");
    EXPECT_EQ(mime.find("\nBcc:"), std::string::npos);
    EXPECT_EQ(mime.find("\nX-Evil:"), std::string::npos);
    EXPECT_TRUE(mime.starts_with("Date: Sun, 01 Mar 2026 06:00:00 +0000\r\nFrom: =?UTF-8?B?"))
        << mime.substr(0, 200);
    EXPECT_NE(mime.find("\"B, C\" <b@example.com>"), std::string::npos);
}

TEST(DeliveryMime, SubjectsAreEncodedInWholeCharacters) {
    EXPECT_EQ(EncodeHeader("plain"), "plain");
    std::string umlauts;
    for (int i = 0; i < 100; ++i) umlauts += "\xC3\xA4\xE2\x82\xAC";
    const std::string encoded = EncodeHeader(umlauts);
    std::string decoded;
    for (size_t at = 0; (at = encoded.find("=?UTF-8?B?", at)) != std::string::npos;) {
        const size_t end = encoded.find("?=", at + 10);
        EXPECT_LE(end + 2 - at, 75u);
        const auto word = FromBase64(encoded.substr(at + 10, end - at - 10));
        ASSERT_TRUE(word);
        EXPECT_TRUE(testing::IsUtf8(*word));
        decoded += *word;
        at = end;
    }
    EXPECT_EQ(decoded, umlauts);
}

TEST(DeliveryEscape, CleanTextIsValidAndVisible) {
    EXPECT_EQ(Clean("  a\r\n\tb  ", 100), "a b");
    EXPECT_EQ(Clean("a\xE2\x80\xAE"
                    "b\xE2\x80\x8B"
                    "c\xEF\xBB\xBF",
                    100),
              "abc");
    EXPECT_EQ(Clean("\xFFx\xC3", 100), "\xEF\xBF\xBDx\xEF\xBF\xBD");
    EXPECT_EQ(Clean("\xED\xA0\x80", 100), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
    EXPECT_EQ(Clean("\xC0\x80", 100), "\xEF\xBF\xBD\xEF\xBF\xBD");
    EXPECT_EQ(Clean("abcdef", 3), "ab\xE2\x80\xA6");
    EXPECT_EQ(Clean("abc", 3), "abc");
    EXPECT_EQ(CleanLines("SELECT 1;\r\nSELECT 2;\n", 100), "SELECT 1;\nSELECT 2;");
}

TEST(DeliveryEscape, NothingIsCutInTwo) {
    EXPECT_EQ(SlackText("a&&", 11), "a&amp;&amp;");
    EXPECT_EQ(SlackText("a&&", 10), "a&amp;\xE2\x80\xA6");
    EXPECT_EQ(SlackText("&&", 5), "\xE2\x80\xA6");
    EXPECT_EQ(Cut("\xF0\x9F\x98\x80\xF0\x9F\x98\x80", 3), "\xF0\x9F\x98\x80\xE2\x80\xA6");
    EXPECT_EQ(Cut("", 0), "");
    EXPECT_EQ(Html("<a b='c' d=\"e\">&"), "&lt;a b=&#39;c&#39; d=&quot;e&quot;&gt;&amp;");
}

TEST(DeliveryEscape, CardsFormatNothing) {
    EXPECT_EQ(CardText("1. one", 100), "1\\. one");
    EXPECT_EQ(CardText("- one - two", 100), "\\- one - two");
    EXPECT_EQ(CardText("# a_b [x](http://y)", 100), "\\# a\\_b \\[x\\](http:\\//y)");
    EXPECT_EQ(CardText("5,800 people (-42 %) 12:30", 100), "5,800 people (-42 %) 12:30");
}

TEST(DeliveryEscape, Times) {
    const Moment moment = *ParseMoment("2026-03-01T06:00:00.5Z");
    EXPECT_EQ(IsoTime(moment), "2026-03-01T06:00:00.500Z");
    EXPECT_EQ(UnixTime(moment), 1772344800);
}

TEST(DeliveryMime, ParametersByRfc2231) {
    EXPECT_EQ(MimeParameter("filename", "pulse-report-2026-W48.html"),
              ";\r\n filename=\"pulse-report-2026-W48.html\"");
    EXPECT_EQ(MimeParameter("filename", "Größe.html"), ";\r\n filename*=utf-8''Gr%C3%B6%C3%9Fe.html");
    EXPECT_EQ(MimeParameter("filename", "a\"\r\nBcc: x"), ";\r\n filename*=utf-8''a%22%0D%0ABcc%3A%20x");
    const std::string parts = MimeParameter("filename", std::string(100, 'x') + "ä");
    EXPECT_NE(parts.find(" filename*0*=utf-8''xxx"), std::string::npos);
    EXPECT_NE(parts.find(" filename*2*="), std::string::npos);
    for (size_t begin = 0; begin < parts.size();) {
        const size_t end = std::min(parts.find("\r\n", begin), parts.size());
        EXPECT_LE(end - begin, 76U);
        begin = end + 2;
    }
}

TEST(DeliveryMime, AttachmentsStandBesideTheText) {
    Mail letter;
    letter.from = {"", "a@example.com"};
    letter.to = {{"", "b@example.com"}};
    letter.subject = "s";
    letter.text = "text";
    letter.html = "<p>html</p>";
    letter.boundary = "pulse1";
    EXPECT_EQ(MakeMime(letter).find("multipart/mixed"), std::string::npos);
    letter.attachments = {{"r.html", "text/html; charset=utf-8", std::string(200, 'y')}};
    const std::string mime = MakeMime(letter);
    EXPECT_NE(mime.find("Content-Type: multipart/mixed; boundary=\"pulse1mixed\"\r\n\r\n--pulse1mixed\r\n"
                        "Content-Type: multipart/alternative; boundary=\"pulse1\"\r\n\r\n--pulse1\r\n"),
              std::string::npos)
        << mime;
    EXPECT_NE(
        mime.find(
            "--pulse1--\r\n--pulse1mixed\r\nContent-Type: text/html; charset=utf-8;\r\n name=\"r.html\"\r\n"
            "Content-Disposition: attachment;\r\n filename=\"r.html\"\r\nContent-Transfer-Encoding: base64\r\n\r\n"
            "eXl5"),
        std::string::npos)
        << mime;
    EXPECT_TRUE(mime.ends_with("--pulse1mixed--\r\n"));
}

}  // namespace
}  // namespace pulse::delivery
