#include <gtest/gtest.h>

#include "audience_testing.hpp"

namespace pulse::audience {
namespace {

using options::Holder;
using options::List;
using testing::MakeAudienceDestination;
using P = Platform;

std::string Refusal(const List& server, const List& mapping = {}) {
    try {
        DestinationOptions().Check(Holder::kServer, server, false);
        DestinationOptions().Check(Holder::kMapping, mapping, false);
        MakeDestination("news", server, mapping);
    } catch (const UserError& error) {
        return error.state() + " " + error.message() + " | " + error.detail() + " | " + error.hint();
    }
    return "";
}

TEST(AudienceDestination, Complete) {
    for (const P platform : kPlatforms) {
        const Destination destination = MakeAudienceDestination(platform);
        EXPECT_EQ(destination.platform, platform);
        EXPECT_EQ(destination.batch_rows, FactsOf(platform).most_rows);
        EXPECT_EQ(destination.minimum_size, FactsOf(platform).minimum_size);
        EXPECT_FALSE(destination.sends_without_consent);
        EXPECT_FALSE(destination.identifiers.empty());
        EXPECT_EQ(FindPlatform(Name(platform)), platform);
    }
    EXPECT_EQ(MakeAudienceDestination(P::kMeta).Option("api_version"), "v25.0");
}

TEST(AudienceDestination, Options) {
    const Destination destination =
        MakeAudienceDestination(P::kTiktok, {{"identifiers", "phone, email,phone"},
                                             {"batch_size", "500"},
                                             {"minimum_size", "50"},
                                             {"requests_per_minute", "30"},
                                             {"max_in_flight", "3"},
                                             {"without_consent", "send"},
                                             {"phone_plus", "false"},
                                             {"keep_tag", "off"},
                                             {"country_code", "49"},
                                             {"country", "DE"},
                                             {"mobile_system", "ios"},
                                             {"takes_hashes", "true"}});
    EXPECT_EQ(destination.identifiers,
              (std::vector<IdentifierKind>{IdentifierKind::kEmail, IdentifierKind::kPhone}));
    EXPECT_EQ(destination.batch_rows, 500u);
    EXPECT_EQ(destination.minimum_size, 50);
    EXPECT_EQ(destination.rates.back(), (RateRule{30, kMinute}));
    EXPECT_EQ(destination.max_in_flight, 3);
    EXPECT_TRUE(destination.sends_without_consent);
    EXPECT_FALSE(destination.rules.phone_plus);
    EXPECT_FALSE(destination.rules.keep_tag);
    EXPECT_TRUE(destination.rules.takes_hashes);
    EXPECT_EQ(destination.rules.calling_code, "49");
    EXPECT_EQ(destination.rules.country, "de");
    EXPECT_EQ(destination.rules.unknown_mobile, IdentifierKind::kIdfa);
}

TEST(AudienceDestination, Refusals) {
    EXPECT_EQ(
        Refusal({}),
        "22023 a destination needs the option \"platform\" |  | Give meta, google, tiktok, snapchat, webhook or file.");
    EXPECT_EQ(Refusal({{"platform", "x"}}),
              "22023 invalid value for option \"platform\" of a destination | It is \"x\". | "
              "Give meta, google, tiktok, snapchat, webhook or file.");
    EXPECT_EQ(Refusal({{"platform", "meta"}, {"acount", "1"}}).substr(0, 5), "HV00D");
    EXPECT_NE(Refusal({{"platform", "meta"}, {"segment", "x"}}).find("pulse_create_audience"),
              std::string::npos);
    for (const auto& [name, value] : List{{"account", "x"},
                                          {"account", "act_"},
                                          {"api_version", "25"},
                                          {"api_version", "v25"},
                                          {"country_code", "+49"},
                                          {"country_code", "0049"},
                                          {"country", "Germany"},
                                          {"hashing", "none"},
                                          {"batch_size", "10001"},
                                          {"batch_size", "0"},
                                          {"max_in_flight", "0"},
                                          {"requests_per_minute", "0"},
                                          {"login_account", "1"},
                                          {"identifiers", "email,faces"},
                                          {"identifiers", ""},
                                          {"base_url", "ftp://x"},
                                          {"timeout", "long"}})
        EXPECT_EQ(Refusal({{"platform", "meta"}, {name, value}}).substr(0, 5), "22023") << name << value;
    EXPECT_EQ(Refusal({{"platform", "file"}, {"account", "1"}}).substr(0, 5), "22023");
    EXPECT_EQ(Refusal({{"platform", "google"}, {"account", "1"}, {"membership_days", "541"}}).substr(0, 5),
              "22023");
    EXPECT_EQ(Refusal({{"platform", "snapchat"}, {"account", "12"}}).substr(0, 5), "22023");
    EXPECT_NE(
        Refusal({{"platform", "tiktok"}, {"identifiers", "city"}}).find("\"city\" is not sent to TikTok"),
        std::string::npos);
}

TEST(AudienceDestination, Missing) {
    EXPECT_EQ(Refusal({{"platform", "meta"}}),
              "22023 destination \"news\" is not complete | Its server has no option \"account\". | "
              "Use ALTER SERVER ... OPTIONS (ADD account '...').");
    EXPECT_NE(Refusal({{"platform", "meta"}, {"account", "1"}}).find("has no option \"access_token\""),
              std::string::npos);
    EXPECT_NE(Refusal({{"platform", "google"}, {"account", "1"}})
                  .find("\"refresh_token\", \"client_id\", \"client_secret\""),
              std::string::npos);
    EXPECT_EQ(Refusal({{"platform", "google"}, {"account", "1"}}, {{"access_token", "t"}}), "");
    EXPECT_NE(Refusal({{"platform", "webhook"}}).find("\"url\", \"secret\""), std::string::npos);
    EXPECT_EQ(Refusal({{"platform", "file"}}), "");
}

// The value of a secret is in no message.
TEST(AudienceDestination, SecretsAreNotShown) {
    for (const auto& [name, value] :
         List{{"secret", "whsec_hidden"}, {"access_token", "hid den"}, {"client_secret", "hidden\n"}}) {
        const std::string refusal = Refusal({{"platform", "file"}}, {{name, value}});
        EXPECT_EQ(refusal.substr(0, 5), "22023") << name;
        EXPECT_EQ(refusal.find("hid"), std::string::npos) << refusal;
    }
}

TEST(AudienceDestination, FileOfAuthoritiesIsForSuperusers) {
    EXPECT_EQ(Refusal({{"platform", "file"}, {"ca_file", "/x"}}).substr(0, 5), "42501");
}

TEST(AudienceDestination, EndOfAVersion) {
    const auto warnings = [](const char* version, const char* date) {
        return Warnings(MakeAudienceDestination(P::kMeta, {{"api_version", version}}), *ParseMoment(date));
    };
    EXPECT_TRUE(warnings("v25.0", "2026-11-30").empty());
    EXPECT_TRUE(warnings("v26.0", "2030-01-01").empty());
    EXPECT_TRUE(warnings("v22.0", "2027-02-18").empty());
    ASSERT_EQ(warnings("v22.0", "2027-02-20").size(), 1u);
    EXPECT_EQ(
        warnings("v22.0", "2027-02-20")[0],
        "Meta ends version v22.0 of its API on 2027-05-20: set the option api_version of the destination to a later one.");
    EXPECT_NE(warnings("v22.0", "2027-06-01")[0].find("which has passed"), std::string::npos);
    EXPECT_EQ(Warnings(MakeAudienceDestination(P::kFile, {{"without_consent", "send"}}), 0).size(), 1u);
}

TEST(AudienceDestination, SensitiveWords) {
    const auto words = [](const char* text) { return SensitiveWords(text); };
    EXPECT_EQ(words("Customers with Diabetes, type 2"), std::vector<std::string>{"diabet"});
    EXPECT_EQ(words("low-income households"), (std::vector<std::string>{"income", "low income"}));
    EXPECT_EQ(words("HIV patients"), (std::vector<std::string>{"hiv", "patient"}));
    EXPECT_TRUE(words("Big spenders of last month").empty());
    EXPECT_TRUE(words("Outdoor, hive and STDLIB friends").empty());
    EXPECT_TRUE(words("").empty());
    EXPECT_TRUE(words("\xFF\xFE").empty());
}

}  // namespace
}  // namespace pulse::audience
