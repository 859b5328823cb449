#include <algorithm>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "audience_testing.hpp"

#include "pulse/base/json.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/delivery/escape.hpp"
#include "pulse/delivery/sign.hpp"

namespace pulse::audience {
namespace {

using K = IdentifierKind;
using P = Platform;
using nlohmann::json;
using testing::MakeAudienceDestination;

const Moment kNow = *ParseMoment("2026-11-30 12:00");

PreparedPerson PersonOf(const Destination& destination, const PersonValues& values) {
    return Prepare(destination.rules, destination.identifiers, values).person;
}

std::vector<Member> Two(const Destination& destination) {
    return {{PersonOf(destination, {{K::kEmail, "ann@example.com"}, {K::kPhone, "+15559876543"}}),
             ConsentState::kGranted},
            {PersonOf(destination, {{K::kEmail, "bob@example.com"}}), ConsentState::kGranted}};
}

http::Request First(const Destination& destination, Operation operation = Operation::kAdd,
                    Upload upload = {}) {
    const std::vector<Member> members = Two(destination);
    if (upload.audience.empty()) upload.audience = "4242";
    return UploadRequest(destination, "token-1", upload, MakeBatches(destination, operation, members).at(0),
                         kNow);
}

std::string HeaderOf(const http::Request& request, const std::string& name) {
    for (const auto& [key, value] : request.headers)
        if (key == name) return value;
    return "";
}

const std::string kAnn = Sha256Hex("ann@example.com"), kBob = Sha256Hex("bob@example.com");

TEST(AudienceRequest, MetaAdds) {
    const Destination destination = MakeAudienceDestination(P::kMeta, {{"identifiers", "email,phone"}});
    const http::Request request =
        First(destination, Operation::kAdd, {"4242", SessionPlace{77, 1, true, 2}, false, false, ""});
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.url, "https://graph.facebook.com/v25.0/4242/users?access_token=token-1");
    EXPECT_EQ(HeaderOf(request, "Content-Type"), "application/json");
    EXPECT_EQ(
        ParseJson(request.body),
        json::parse(
            R"({"session":{"session_id":77,"batch_seq":1,"last_batch_flag":true,"estimated_num_total":2},
                              "payload":{"schema":["EMAIL","PHONE"],"data":[[")" +
            kAnn + R"(",")" + Sha256Hex("15559876543") + R"("],[")" + kBob + R"(",""]]}})"));
    EXPECT_EQ(request.keep, std::vector<std::string>{"x-business-use-case-usage"});
    EXPECT_NE(std::find(request.secrets.begin(), request.secrets.end(), "token-1"), request.secrets.end());
}

TEST(AudienceRequest, MetaRemovesByDelete) {
    const Destination destination =
        MakeAudienceDestination(P::kMeta, {{"identifiers", "email"}}, {{"app_secret", "app-secret"}});
    const http::Request request = First(destination, Operation::kRemove);
    EXPECT_EQ(request.method, "DELETE");
    EXPECT_EQ(request.url,
              "https://graph.facebook.com/v25.0/4242/users?access_token=token-1&appsecret_proof=" +
                  delivery::StratumSignature("app-secret", "token-1").substr(7));
    // All columns, since the person may have been added with others.
    const json body = ParseJson(request.body);
    EXPECT_EQ(body["payload"]["schema"].size(), 15u);
    EXPECT_EQ(body["payload"]["data"][0].size(), 15u);
    EXPECT_EQ(body["payload"]["data"][0][1], kAnn);
    EXPECT_EQ(body["payload"]["data"][0][0], "");
}

TEST(AudienceRequest, MetaReplacesAndLimits) {
    const Destination destination = MakeAudienceDestination(
        P::kMeta, {{"limited_data_use", "true"}, {"base_url", "http://127.0.0.1:1/meta/"}});
    const http::Request request =
        First(destination, Operation::kAdd, {"4242", SessionPlace{77, 3, false, 0}, true, false, ""});
    EXPECT_EQ(request.url, "http://127.0.0.1:1/meta/v25.0/4242/usersreplace?access_token=token-1");
    const json body = ParseJson(request.body);
    EXPECT_EQ(body["session"], json::parse(R"({"session_id":77,"batch_seq":3,"last_batch_flag":false})"));
    EXPECT_EQ(body["payload"]["data_processing_options"], json::array({"LDU"}));
    EXPECT_EQ(body["payload"]["data_processing_options_country"], 0);
}

TEST(AudienceRequest, GoogleIngests) {
    const Destination destination = MakeAudienceDestination(P::kGoogle, {{"login_account", "870-483-0944"}});
    const http::Request request = First(destination);
    EXPECT_EQ(request.method + " " + request.url,
              "POST https://datamanager.googleapis.com/v1/audienceMembers:ingest");
    EXPECT_EQ(HeaderOf(request, "Authorization"), "Bearer token-1");
    EXPECT_EQ(
        ParseJson(request.body),
        json::parse(
            R"({"destinations":[{"operatingAccount":{"accountType":"GOOGLE_ADS","accountId":"7693729833"},
                "loginAccount":{"accountType":"GOOGLE_ADS","accountId":"8704830944"},"productDestinationId":"4242"}],
                "audienceMembers":[{"userData":{"userIdentifiers":[{"emailAddress":")" +
            kAnn + R"("},{"phoneNumber":")" + Sha256Hex("+15559876543") +
            R"("}]}},{"userData":{"userIdentifiers":[{"emailAddress":")" + kBob + R"("}]}}],
                "consent":{"adUserData":"CONSENT_GRANTED","adPersonalization":"CONSENT_GRANTED"},"encoding":"HEX",
                "termsOfService":{"customerMatchTermsOfServiceStatus":"ACCEPTED"}})"));
}

TEST(AudienceRequest, GoogleRemovesWithoutConsent) {
    const http::Request request =
        First(MakeAudienceDestination(P::kGoogle), Operation::kRemove, {"4242", {}, false, true, ""});
    EXPECT_EQ(request.url, "https://datamanager.googleapis.com/v1/audienceMembers:remove");
    const json body = ParseJson(request.body);
    for (const char* none : {"consent", "termsOfService"}) EXPECT_FALSE(body.contains(none)) << none;
    EXPECT_EQ(body["validateOnly"], true);
    EXPECT_FALSE(body["destinations"][0].contains("loginAccount"));
    const http::Request all = RemoveAllRequest(MakeAudienceDestination(P::kGoogle), "token-1", "4242", kNow);
    EXPECT_EQ(all.url, "https://datamanager.googleapis.com/v1/audienceMembers:removeAll");
    EXPECT_EQ(ParseJson(all.body)["removeAsOfTime"], "2026-11-30T12:00:00.000Z");
}

// Consent is never mixed, and neither are kinds of identifiers.
TEST(AudienceRequest, GoogleKeepsApart) {
    const Destination destination = MakeAudienceDestination(
        P::kGoogle, {{"identifiers", "email,aaid,external_id,first_name,last_name,postal_code,country"}});
    const PreparedPerson all = PersonOf(destination, {{K::kEmail, "ann@example.com"},
                                                      {K::kAaid, "5f3a2b18-9c4d-4e7f-b8e2-17d3a1e69b25"},
                                                      {K::kExternalId, "7"},
                                                      {K::kFirstName, "Ann"},
                                                      {K::kLastName, "Lee"},
                                                      {K::kPostalCode, "94045"},
                                                      {K::kCountry, "us"}});
    const std::vector<Member> members = {
        {all, ConsentState::kGranted}, {all, ConsentState::kAds}, {all, ConsentState::kUnstated}};
    const std::vector<Batch> batches = MakeBatches(destination, Operation::kAdd, members);
    ASSERT_EQ(batches.size(), 9u);
    for (const Batch& batch : batches) {
        const json body =
            ParseJson(UploadRequest(destination, "t", {"1", {}, false, false, ""}, batch, kNow).body);
        ASSERT_EQ(batch.members.size(), 1u);
        EXPECT_EQ(members[batch.members[0]].consent, batch.consent);
        EXPECT_EQ(body.contains("consent"), batch.consent != ConsentState::kUnstated);
        EXPECT_EQ(body.contains("consent") && body["consent"].contains("adPersonalization"),
                  batch.consent == ConsentState::kGranted);
        EXPECT_EQ(body.contains("encoding"), batch.section == Section::kUser);
        EXPECT_EQ(body["audienceMembers"][0].size(), 1u);
        if (batch.section == Section::kUser) {
            EXPECT_EQ(body["audienceMembers"][0]["userData"]["userIdentifiers"][1]["address"],
                      json({{"givenName", Sha256Hex("ann")},
                            {"familyName", Sha256Hex("lee")},
                            {"postalCode", "94045"},
                            {"regionCode", "US"}}));
        }
        if (batch.section == Section::kMobile) {
            EXPECT_EQ(body["audienceMembers"][0]["mobileData"]["mobileIds"],
                      json::array({"5f3a2b18-9c4d-4e7f-b8e2-17d3a1e69b25"}));
        }
        if (batch.section == Section::kExternal) {
            EXPECT_EQ(body["audienceMembers"][0]["userIdData"]["userId"], "7");
        }
    }
    // Removals state no consent, so that they need not be kept apart.
    EXPECT_EQ(MakeBatches(destination, Operation::kRemove, members).size(), 3u);
}

TEST(AudienceRequest, GoogleSplitsPeopleOfManyIdentifiers) {
    const Destination destination = MakeAudienceDestination(P::kGoogle);
    PersonValues values = {
        {K::kFirstName, "Ann"}, {K::kLastName, "Lee"}, {K::kPostalCode, "94045"}, {K::kCountry, "us"}};
    for (int i = 0; i < 13; ++i) values.emplace_back(K::kEmail, "ann" + std::to_string(i) + "@example.com");
    const std::vector<Member> members = {{PersonOf(destination, values), ConsentState::kGranted}};
    const std::vector<Batch> batches = MakeBatches(destination, Operation::kAdd, members);
    ASSERT_EQ(batches.size(), 1u);
    ASSERT_EQ(batches[0].rows.size(), 2u);
    EXPECT_EQ(batches[0].members, std::vector<size_t>{0});
    const json body =
        ParseJson(UploadRequest(destination, "t", {"1", {}, false, false, ""}, batches[0], kNow).body);
    EXPECT_EQ(body["audienceMembers"][0]["userData"]["userIdentifiers"].size(), 10u);
    EXPECT_EQ(body["audienceMembers"][1]["userData"]["userIdentifiers"].size(), 4u);
}

TEST(AudienceRequest, TiktokKeepsPlaces) {
    const Destination destination =
        MakeAudienceDestination(P::kTiktok, {{"identifiers", "email,phone,mobile_ad_id"}});
    const http::Request request = First(destination);
    EXPECT_EQ(request.method + " " + request.url,
              "POST https://business-api.tiktok.com/open_api/v1.3/segment/mapping/");
    EXPECT_EQ(HeaderOf(request, "Access-Token"), "token-1");
    EXPECT_EQ(HeaderOf(request, "Authorization"), "");
    EXPECT_EQ(
        ParseJson(request.body),
        json::parse(
            R"({"advertiser_ids":["7000000000001"],"action":"add","id_schema":["EMAIL_SHA256","PHONE_SHA256","AAID_SHA256"],
                "batch_data":[[{"id":")" +
            kAnn + R"(","audience_ids":["4242"]},{"id":")" + Sha256Hex("+15559876543") +
            R"(","audience_ids":["4242"]},{}],[{"id":")" + kBob + R"(","audience_ids":["4242"]},{},{}]]})"));
    const json removal = ParseJson(First(destination, Operation::kRemove).body);
    EXPECT_EQ(removal["action"], "delete");
    EXPECT_EQ(removal["id_schema"].size(), 4u);
    EXPECT_EQ(removal["batch_data"][0].size(), 4u);
}

TEST(AudienceRequest, SnapchatSendsOneKind) {
    const Destination destination = MakeAudienceDestination(P::kSnapchat);
    std::vector<Member> members = Two(destination);
    members.push_back(members[1]);  // the same address again
    const std::vector<Batch> batches = MakeBatches(destination, Operation::kAdd, members);
    ASSERT_EQ(batches.size(), 2u);
    EXPECT_EQ(batches[0].rows.size(), 2u);
    EXPECT_EQ(batches[0].members, (std::vector<size_t>{0, 1, 2}));
    EXPECT_EQ(batches[1].members, std::vector<size_t>{0});
    const http::Request add =
        UploadRequest(destination, "token-1", {"4242", {}, false, false, ""}, batches[0], kNow);
    EXPECT_EQ(add.method + " " + add.url, "POST https://adsapi.snapchat.com/v1/segments/4242/users");
    EXPECT_EQ(ParseJson(add.body),
              json::parse(R"({"users":[{"id":"4242","schema":["EMAIL_SHA256"],"data":[[")" + kAnn +
                          R"("],[")" + kBob + R"("]]}]})"));
    const http::Request phones =
        UploadRequest(destination, "token-1", {"4242", {}, false, false, ""}, batches[1], kNow);
    EXPECT_EQ(ParseJson(phones.body)["users"][0]["schema"], json::array({"PHONE_SHA256"}));
    EXPECT_EQ(First(destination, Operation::kRemove).method, "DELETE");
}

TEST(AudienceRequest, WebhookIsSigned) {
    const Destination destination = MakeAudienceDestination(P::kWebhook);
    const http::Request request = First(destination, Operation::kRemove, {"news", {}, false, false, "msg_1"});
    EXPECT_EQ(request.url, "https://example.com/hooks/audience-0123456789");
    EXPECT_EQ(HeaderOf(request, "webhook-id"), "msg_1");
    const std::string time = HeaderOf(request, "webhook-timestamp");
    EXPECT_EQ(time, std::to_string(delivery::UnixTime(kNow)));
    EXPECT_EQ(HeaderOf(request, "webhook-signature"),
              delivery::Signature(*delivery::SigningKey("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), "msg_1",
                                  std::stoll(time), request.body));
    const json body = ParseJson(request.body);
    EXPECT_EQ(body["type"], "audience.members_removed");
    EXPECT_EQ(body["data"]["people"][0], json({{"email", kAnn}, {"phone", Sha256Hex("+15559876543")}}));
    EXPECT_EQ(body["data"]["hashing"], "sha256");
    EXPECT_EQ(PreviewText(request).find("MfKQ9r8"), std::string::npos);
    EXPECT_EQ(PreviewText(request).find("audience-0123456789"), std::string::npos);
}

TEST(AudienceRequest, SeveralIdentifiersOfAKind) {
    const Destination destination = MakeAudienceDestination(
        P::kMeta, {{"identifiers", "email,phone,first_name,country"}, {"country", "us"}});
    const std::vector<Member> members = {{PersonOf(destination, {{K::kEmail, "a@example.com"},
                                                                 {K::kEmail, "b@example.com"},
                                                                 {K::kPhone, "+15559876543"},
                                                                 {K::kFirstName, "Ann"}}),
                                          ConsentState::kGranted}};
    const std::vector<Batch> batches = MakeBatches(destination, Operation::kAdd, members);
    ASSERT_EQ(batches.size(), 1u);
    const json data =
        ParseJson(UploadRequest(destination, "t", {"1", SessionPlace{}, false, false, ""}, batches[0], kNow)
                      .body)["payload"]["data"];
    ASSERT_EQ(data.size(), 2u);  // EMAIL PHONE FN COUNTRY
    EXPECT_NE(data[0][0], data[1][0]);
    EXPECT_NE(data[0][1], "");
    EXPECT_EQ(data[1][1], "");
    EXPECT_EQ(data[1][2], Sha256Hex("ann"));
    EXPECT_EQ(data[1][3], Sha256Hex("us"));
}

TEST(AudienceRequest, BatchesHaveLimits) {
    for (const P platform : kPlatforms) {
        const Destination destination =
            MakeAudienceDestination(platform, {{"identifiers", "email"}, {"batch_size", "7"}});
        std::vector<Member> members;
        for (int i = 0; i < 50; ++i)
            members.push_back({PersonOf(destination, {{K::kEmail, "p" + std::to_string(i) + "@example.com"}}),
                               ConsentState::kGranted});
        members.push_back({{}, ConsentState::kGranted});  // nothing to send
        const std::vector<Batch> batches = MakeBatches(destination, Operation::kAdd, members);
        ASSERT_EQ(batches.size(), 8u) << Name(platform);
        size_t rows = 0;
        for (const Batch& batch : batches) {
            EXPECT_LE(batch.rows.size(), 7u);
            rows += batch.rows.size();
        }
        EXPECT_EQ(rows, 50u);
        EXPECT_TRUE(MakeBatches(destination, Operation::kAdd, {}).empty());
    }
    // By bytes: texts that grow when they are written.
    const Destination destination = MakeAudienceDestination(P::kMeta, {{"identifiers", "external_id"}});
    std::vector<Member> members;
    for (int i = 0; i < 9000; ++i)
        members.push_back(
            {PersonOf(destination, {{K::kExternalId, std::to_string(i) + std::string(900, '"')}}),
             ConsentState::kGranted});
    const std::vector<Batch> batches = MakeBatches(destination, Operation::kAdd, members);
    EXPECT_GT(batches.size(), 1u);
    for (const Batch& batch : batches)
        EXPECT_LE(
            UploadRequest(destination, "t", {"1", SessionPlace{}, false, false, ""}, batch, kNow).body.size(),
            FactsOf(P::kMeta).most_bytes);
}

TEST(AudienceRequest, Audiences) {
    const AudienceText text{"News \"readers\"", "of pulse"};
    const auto line = [](const http::Request& request) { return request.method + " " + request.url; };
    const Destination meta = MakeAudienceDestination(P::kMeta), google = MakeAudienceDestination(P::kGoogle),
                      tiktok = MakeAudienceDestination(P::kTiktok),
                      snap = MakeAudienceDestination(P::kSnapchat);
    http::Request request = CreateRequest(meta, "t0", text);
    EXPECT_EQ(line(request),
              "POST https://graph.facebook.com/v25.0/act_1234567890/customaudiences?access_token=t0");
    EXPECT_EQ(ParseJson(request.body), json({{"name", text.name},
                                             {"description", text.description},
                                             {"subtype", "CUSTOM"},
                                             {"customer_file_source", "USER_PROVIDED_ONLY"}}));
    EXPECT_EQ(line(AudienceRequest(meta, "t0", "42")).substr(0, 66),
              "GET https://graph.facebook.com/v25.0/42?fields=name%2Capproximate_");
    EXPECT_EQ(line(ProgressRequest(meta, "t0", "42", "77")),
              "GET https://graph.facebook.com/v25.0/42/sessions?session_id=77&access_token=t0");
    EXPECT_EQ(line(DeleteRequest(meta, "t0", "42")),
              "DELETE https://graph.facebook.com/v25.0/42?access_token=t0");

    request = CreateRequest(google, "t0", text);
    EXPECT_EQ(
        line(request),
        "POST https://datamanager.googleapis.com/v1/accountTypes/GOOGLE_ADS/accounts/7693729833/userLists");
    EXPECT_EQ(HeaderOf(request, "login-account"), "accountTypes/GOOGLE_ADS/accounts/7693729833");
    EXPECT_EQ(ParseJson(request.body),
              json({{"displayName", text.name},
                    {"description", text.description},
                    {"membershipDuration", "46656000s"},
                    {"ingestedUserListInfo", {{"uploadKeyTypes", json::array({"CONTACT_ID"})}}}}));
    EXPECT_EQ(line(ProgressRequest(google, "t0", "42", "r/1")),
              "GET https://datamanager.googleapis.com/v1/requestStatus:retrieve?requestId=r%2F1");
    EXPECT_EQ(
        line(DeleteRequest(google, "t0", "42")),
        "DELETE https://datamanager.googleapis.com/v1/accountTypes/GOOGLE_ADS/accounts/7693729833/userLists/42");

    request = CreateRequest(tiktok, "t0", {std::string(100, 'x'), ""});
    EXPECT_EQ(line(request), "POST https://business-api.tiktok.com/open_api/v1.3/segment/audience/");
    EXPECT_LE(CountCharacters(ParseJson(request.body)["custom_audience_name"].get<std::string>()), 70u);
    EXPECT_EQ(
        line(AudienceRequest(tiktok, "t0", "42")),
        "GET https://business-api.tiktok.com/open_api/v1.3/dmp/custom_audience/get/?advertiser_id=7000000000001&custom_audience_ids=%5B%2242%22%5D");
    EXPECT_EQ(ParseJson(DeleteRequest(tiktok, "t0", "42").body),
              json({{"advertiser_id", "7000000000001"}, {"action", "delete"}, {"delete_audience_id", "42"}}));

    request = CreateRequest(snap, "t0", text);
    EXPECT_EQ(line(request),
              "POST https://adsapi.snapchat.com/v1/adaccounts/1f0b2d3c-0000-4000-8000-000000000001/segments");
    EXPECT_EQ(ParseJson(request.body)["segments"][0]["retention_in_days"], 9999);
    EXPECT_EQ(line(AudienceRequest(snap, "t0", "42")), "GET https://adsapi.snapchat.com/v1/segments/42");
    for (const Destination* each : {&meta, &google, &tiktok, &snap})
        EXPECT_EQ(FindRequest(*each, "t0", "x").method, "GET");

    for (const P none : {P::kWebhook, P::kFile})
        EXPECT_THROW(CreateRequest(MakeAudienceDestination(none), "", text), std::logic_error);
    EXPECT_THROW(RemoveAllRequest(meta, "t0", "42", 0), std::logic_error);
    EXPECT_THROW(ProgressRequest(tiktok, "t0", "42", ""), std::logic_error);
}

// Ids come from outside: they cannot leave their place in a URL.
TEST(AudienceRequest, IdsAreEncoded) {
    EXPECT_EQ(AudienceRequest(MakeAudienceDestination(P::kSnapchat), "t0", "../me?x=1#").url,
              "https://adsapi.snapchat.com/v1/segments/..%2Fme%3Fx%3D1%23");
}

TEST(AudienceRequest, Renewal) {
    for (const P platform : {P::kGoogle, P::kSnapchat}) {
        const http::Request request =
            RenewRequest(MakeAudienceDestination(platform, {}, {{"access_token", "old"}}));
        EXPECT_EQ(request.method, "POST");
        EXPECT_EQ(HeaderOf(request, "Content-Type"), "application/x-www-form-urlencoded");
        EXPECT_EQ(
            request.body,
            "grant_type=refresh_token&client_id=client-1&client_secret=client-secret-1&refresh_token=refresh-token-1");
        EXPECT_EQ(HeaderOf(request, "Authorization"), "");
    }
    EXPECT_FALSE(RenewsTokens(P::kMeta));
    EXPECT_THROW(RenewRequest(MakeAudienceDestination(P::kTiktok)), std::logic_error);
    const Destination without =
        MakeDestination("news", {{"platform", "google"}, {"account", "1"}}, {{"access_token", "t"}});
    EXPECT_THROW(RenewRequest(without), pulse::options::Incomplete);
}

TEST(AudienceRequest, NoTokenIsShown) {
    for (const P platform : {P::kMeta, P::kGoogle, P::kTiktok, P::kSnapchat}) {
        const Destination destination = MakeAudienceDestination(platform);
        const std::string text =
            PreviewText(First(destination, Operation::kAdd, {"4242", SessionPlace{}, false, false, ""}));
        EXPECT_EQ(text.find("token-1"), std::string::npos) << text;
        EXPECT_NE(text.find("***"), std::string::npos);
        EXPECT_NE(text.find(kAnn), std::string::npos);
    }
}

TEST(AudienceRequest, Progress) {
    int64_t whole = 0;
    int looks = 0;
    for (int i = 1; const int64_t wait = ProgressDelay(P::kGoogle, i); ++i, ++looks) whole += wait;
    EXPECT_EQ(ProgressDelay(P::kGoogle, 1), 30 * kMinute);
    EXPECT_LE(whole, kDay);
    EXPECT_GE(looks, 4);
    EXPECT_EQ(ProgressDelay(P::kTiktok, 1), 0);
    EXPECT_EQ(ProgressDelay(P::kMeta, 0), 0);
}

// The first batch is never sent twice; one that may not have arrived is repeated, and its rows follow once
// more.
TEST(AudienceRequest, ReplacementsGoOn) {
    const UploadSession first{7, 1, kNow, false, false}, later{7, 4, kNow, true, false};
    for (const UploadSession& open : {first, later}) {
        EXPECT_TRUE(IsOpen(open, kNow + 79 * kMinute));
        EXPECT_FALSE(IsOpen(open, kNow + 80 * kMinute));
        EXPECT_FALSE(IsOpen(open, kNow - kMinute));
        const NextBatch next = ContinueReplacement(open, true);
        EXPECT_EQ(next.session.batches, open.batches + 1);
        EXPECT_FALSE(next.repeats);
    }
    EXPECT_FALSE(IsOpen({}, kNow));
    EXPECT_EQ(ContinueReplacement(first, false).session.batches, 2);
    EXPECT_FALSE(ContinueReplacement(first, false).repeats);
    EXPECT_EQ(ContinueReplacement(later, false).session.batches, 4);
    EXPECT_TRUE(ContinueReplacement(later, false).repeats);
}

TEST(AudienceRequest, Sessions) {
    EXPECT_FALSE(CanContinue({}, kNow));
    const UploadSession open{1, 1, kNow, true, false};
    EXPECT_TRUE(CanContinue(open, kNow + 79 * kMinute));
    EXPECT_FALSE(CanContinue(open, kNow + 80 * kMinute));
    EXPECT_FALSE(CanContinue(open, kNow - kMinute));              // the clock was set back
    EXPECT_FALSE(CanContinue({1, 1, kNow, false, false}, kNow));  // nobody knows whether batch 1 arrived
    EXPECT_FALSE(CanContinue({1, 2, kNow, true, true}, kNow));
}

TEST(AudienceRequest, Files) {
    const Destination destination =
        MakeAudienceDestination(P::kFile, {{"hashing", "none"}, {"identifiers", "email,phone,external_id"}});
    EXPECT_EQ(FileHeader(destination), "operation,email,phone,external_id\r\n");
    const auto line = [&](const PersonValues& values) {
        return FileLines(destination, Operation::kAdd, PersonOf(destination, values));
    };
    EXPECT_EQ(line({{K::kEmail, "ann@example.com"}, {K::kPhone, "+15559876543"}}),
              "add,ann@example.com,+15559876543,\r\n");
    EXPECT_EQ(line({{K::kExternalId, "=cmd()"}}), "add,,,'=cmd()\r\n");
    EXPECT_EQ(line({{K::kExternalId, "-a,\"b\""}}), "add,,,\"'-a,\"\"b\"\"\"\r\n");
    EXPECT_EQ(line({{K::kExternalId, "a"}, {K::kExternalId, "b"}}), "add,,,a\r\nadd,,,b\r\n");
    EXPECT_EQ(FileLines(destination, Operation::kRemove, {}), "");
    EXPECT_EQ(FileHeader(MakeAudienceDestination(P::kFile)).substr(0, 44),
              "operation,email,phone,mobile_ad_id,external_");
}

}  // namespace
}  // namespace pulse::audience
