// Consent in events.
#include "pulse/profile/consent_event.hpp"

#include <gtest/gtest.h>

#include "consent_strings.hpp"
#include "profile_json.hpp"

namespace pulse::profile {
namespace {

const ConsentNames kNames = {{{"ads", {"Advertising"}},
                              {"ads_personalization", {}},
                              {"all", {}},
                              {"analytics", {"Analytics", "Functional"}},
                              {"email", {}}},
                             755};

EventConsents Read(const std::string& consent, const std::string& gpc = "null",
                   const std::string& beside = "null") {
    testing::TextReader reader;
    return ReadEventConsent(reader, reader.Parse(consent), reader.Parse(beside), reader.Parse(gpc), kNames);
}

// "+ads(consent) -email(consent)", in the order of names.
std::string Said(const EventConsents& consents) {
    std::map<std::string, std::string> parts;
    for (const EventConsent& one : consents.statements)
        parts[one.purpose] = (one.granted ? "+" : "-") + one.purpose + "(" + one.source + ")";
    std::string text;
    for (const auto& [purpose, part] : parts) text += (text.empty() ? "" : " ") + part;
    return text;
}

TEST(ConsentEvent, OwnForm) {
    EXPECT_EQ(Said(Read(R"({"ads": true, "email": false, "analytics": "granted", "other": true})")),
              "+ads(consent) +analytics(consent) -email(consent)");
    EXPECT_EQ(Said(Read("null", "null", R"({"ads": true})")), "+ads(consent)") << "beside the context";
    EXPECT_EQ(Read(R"({"ads": 1})").note, "consent.ads is neither true nor false.");
    EXPECT_EQ(Read(R"("yes")").note, "consent is a text, not an object.");
    EXPECT_TRUE(Read(R"({"ads": 1})").statements.empty());
    EXPECT_TRUE(Read("{}").statements.empty());
}

TEST(ConsentEvent, CategoriesNeedAllOfAPurpose) {
    EXPECT_EQ(
        Said(
            Read(R"({"categoryPreferences": {"Advertising": true, "Analytics": true, "Functional": true}})")),
        "+ads(category) +analytics(category)");
    EXPECT_EQ(Said(Read(R"({"categoryPreferences": {"Advertising": true, "Analytics": true}})")),
              "+ads(category) -analytics(category)");
    EXPECT_EQ(Said(Read(R"({"categoryPreferences": {}})")), "-ads(category) -analytics(category)");
    EXPECT_EQ(Said(Read(R"({"categoryPreferences": {"email": true}})")),
              "-ads(category) -analytics(category) +email(category)");
    EXPECT_EQ(Read(R"({"categoryPreferences": []})").note,
              "consent.categoryPreferences is an array, not an object.");
}

TEST(ConsentEvent, GoogleConsentMode) {
    EXPECT_EQ(
        Said(Read(R"({"ad_storage": "granted", "ad_user_data": "granted", "ad_personalization": "denied",
                            "analytics_storage": "granted"})")),
        "+ads(google) -ads_personalization(google) +analytics(google)");
    EXPECT_EQ(Said(Read(R"({"ad_storage": "granted"})")), "") << "cookies are no consent to ads";
    EXPECT_EQ(Said(Read(R"({"ad_storage": "denied", "ad_user_data": "granted"})")), "-ads(google)");
    EXPECT_EQ(Read(R"({"ad_user_data": "maybe"})").note,
              "consent.ad_user_data is neither granted nor denied.");
}

TEST(ConsentEvent, GoogleUploads) {
    EXPECT_EQ(Said(Read(R"({"adUserData": "GRANTED", "adPersonalization": "DENIED"})")),
              "+ads(google) -ads_personalization(google)");
    EXPECT_EQ(Said(Read(R"({"adUserData": "CONSENT_DENIED", "ad_storage": "granted"})")), "-ads(google)");
    EXPECT_EQ(Said(Read(R"({"adUserData": "CONSENT_GRANTED", "email": "Denied"})")),
              "+ads(google) -email(consent)");
    EXPECT_EQ(Said(Read(R"({"adUserData": "CONSENT_STATUS_UNSPECIFIED"})")), "");
    EXPECT_EQ(Said(Read(R"({"ad_user_data": "granted", "adUserData": "DENIED"})")), "-ads(google)");
}

TEST(ConsentEvent, TcString) {
    testing::TcString string;
    const auto said = [&] { return Said(Read(R"({"tcf": ")" + string.Write() + "\"}")); };
    EXPECT_EQ(said(), "+ads(tcf) +ads_personalization(tcf)");
    string.purposes = {1, 2, 7};
    EXPECT_EQ(said(), "+ads(tcf) -ads_personalization(tcf)");
    string.purposes = {1, 2, 3, 4};
    EXPECT_EQ(said(), "-ads(tcf) -ads_personalization(tcf)");
    string.purposes = {1, 2, 3, 4, 7};
    string.vendors = {12};
    EXPECT_EQ(said(), "-ads(tcf) -ads_personalization(tcf)");
    const EventConsents bad = Read(R"({"tcf": "CPX", "email": true})");
    EXPECT_EQ(Said(bad), "+email(consent)");
    EXPECT_EQ(bad.note, "The TC string cannot be read: it ends too early.");
    EXPECT_EQ(Read(R"({"tcf": 7})").note, "consent.tcf is a number, not a text.");
}

TEST(ConsentEvent, ProofHasTheStringAndItsDigest) {
    const std::string text = testing::TcString().Write();
    const nlohmann::json proof =
        nlohmann::json::parse(Read(R"({"tcString": ")" + text + "\"}").statements[0].proof);
    EXPECT_EQ(proof["tcf"], text);
    EXPECT_EQ(proof["sha256"].get<std::string>().size(), 64U);
}

TEST(ConsentEvent, OptOutsRefuseAndNeverGrant) {
    const std::string refused = "-ads(gpc) -ads_personalization(gpc)";
    for (const char* set : {"true", "\"1\"", "1"}) EXPECT_EQ(Said(Read("null", set)), refused) << set;
    for (const char* unset : {"false", "null", "\"0\"", "0", "[]"})
        EXPECT_EQ(Said(Read("null", unset)), "") << unset;
    EXPECT_EQ(Said(Read(R"({"gpc": true})")), refused);
    EXPECT_EQ(Said(Read(R"({"us_privacy": "1YYN"})")), "-ads(us_privacy) -ads_personalization(us_privacy)");
    EXPECT_EQ(Said(Read(R"({"us_privacy": "1YNN"})")), "");
    EXPECT_EQ(Read(R"({"us_privacy": "what"})").note, "\"what\" is not a US privacy string.");
    EXPECT_EQ(Said(Read(R"({"gpp": "DBABjw~CAAA~1YYN"})")), "-ads(gpp) -ads_personalization(gpp)");
    EXPECT_EQ(Read(R"({"gpp": "DBACNY~CAAA~1YYN"})").note,
              "The TC string cannot be read: it ends too early.");
    EXPECT_EQ(Said(Read(R"({"gpp": "?"})")), "");
}

TEST(ConsentEvent, OfSeveralSignalsTheRefusalCounts) {
    EXPECT_EQ(Said(Read(R"({"ads": true, "email": true})", "true")),
              "-ads(gpc) -ads_personalization(gpc) +email(consent)");
    EXPECT_EQ(Said(Read(R"({"ads": false, "ad_user_data": "granted"})")), "-ads(consent)");
    EXPECT_EQ(Said(Read(R"({"ads": true})", "null", R"({"ads": false})")), "-ads(consent)");
}

}  // namespace
}  // namespace pulse::profile
