#include <algorithm>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "audience_testing.hpp"

namespace pulse::audience {
namespace {

using P = Platform;
using testing::kAnswerTime;
using testing::MakeAudienceDestination;
using testing::MakeAudienceResponse;
using testing::ReadAudienceAnswer;

TEST(AudienceAnswer, Tokens) {
    for (const P platform : {P::kGoogle, P::kSnapchat}) {
        Answer answer = ReadAudienceAnswer(
            platform, 200,
            R"({"access_token":"a1","refresh_token":"r2","expires_in":3599,"token_type":"Bearer"})",
            Call::kRenew);
        EXPECT_EQ(answer.outcome, Outcome::kDone);
        EXPECT_EQ(answer.token->access_token, "a1");
        EXPECT_EQ(answer.token->refresh_token, "r2");
        EXPECT_EQ(answer.token->lifetime, 3599 * kSecond);
        answer = ReadAudienceAnswer(platform, 200, R"({"access_token":"a1"})", Call::kRenew);
        EXPECT_FALSE(answer.token->refresh_token);
        EXPECT_EQ(answer.token->lifetime, 0);
        EXPECT_FALSE(answer.token->login_ends);
        // What is left of the login itself.
        for (const char* key : {"refresh_token_expires_in", "refresh_expires_in"}) {
            answer = ReadAudienceAnswer(
                platform, 200, R"({"access_token":"a1",")" + std::string(key) + R"(":604799})", Call::kRenew);
            EXPECT_EQ(answer.token->login_ends, kAnswerTime + 604'799 * kSecond);
        }
        for (const char* odd : {"0", "-5", "\"x\"", "null"})
            EXPECT_FALSE(ReadAudienceAnswer(
                             platform, 200,
                             R"({"access_token":"a1","refresh_token_expires_in":)" + std::string(odd) + "}",
                             Call::kRenew)
                             .token->login_ends)
                << odd;
        answer = ReadAudienceAnswer(
            platform, 400,
            R"({"error":"invalid_grant","error_description":"Token has been revoked: refresh-token-1"})",
            Call::kRenew);
        EXPECT_EQ(answer.outcome, Outcome::kRenewToken);
        EXPECT_NE(answer.reason.find("log in again"), std::string::npos);
        EXPECT_EQ(answer.reason.find("refresh-token-1"), std::string::npos) << answer.reason;
        EXPECT_EQ(ReadAudienceAnswer(platform, 401, R"({"error":"invalid_client"})", Call::kRenew).outcome,
                  Outcome::kRenewToken);
        EXPECT_EQ(ReadAudienceAnswer(platform, 401, "", Call::kRenew).outcome, Outcome::kRenewToken);
        EXPECT_EQ(ReadAudienceAnswer(platform, 503, "<html>", Call::kRenew).outcome, Outcome::kRetry);
        EXPECT_EQ(ReadAudienceAnswer(platform, 429, "", Call::kRenew).outcome, Outcome::kThrottled);
        for (const char* bad : {"{}", "[]", "", R"({"access_token":7})", R"({"access_token":""})",
                                R"({"error":"x","access_token":"a"})"})
            EXPECT_EQ(ReadAudienceAnswer(platform, 200, bad, Call::kRenew).outcome, Outcome::kRetry) << bad;
    }
}

TEST(AudienceAnswer, Webhook) {
    const auto read = [](int status) { return ReadAudienceAnswer(P::kWebhook, status, "ok").outcome; };
    for (const int status : {200, 201, 202, 204}) EXPECT_EQ(read(status), Outcome::kDone);
    for (const int status : {500, 502, 504, 408}) EXPECT_EQ(read(status), Outcome::kRetry);
    EXPECT_EQ(read(429), Outcome::kThrottled);
    EXPECT_EQ(read(410), Outcome::kGone);
    for (const int status : {302, 400, 404}) EXPECT_EQ(read(status), Outcome::kRefused);
    for (const int status : {401, 403}) EXPECT_EQ(read(status), Outcome::kBlocked);
    EXPECT_EQ(
        ReadAudienceAnswer(P::kWebhook, 404, "The requested webhook \"POST x\" is not registered.").outcome,
        Outcome::kRetry);
}

constexpr P kPlatformsWithJson[] = {P::kMeta, P::kGoogle, P::kTiktok, P::kSnapchat};

// Pages of proxies, and bodies that were cut, are temporary.
TEST(AudienceAnswer, NoJson) {
    for (const P platform : kPlatformsWithJson) {
        for (const char* body : {"<html><body>Bad gateway</body></html>", "", "{\"half", "null", "[]", "7"})
            for (const int status : {200, 400, 500, 502})
                EXPECT_EQ(ReadAudienceAnswer(platform, status, body).outcome, Outcome::kRetry)
                    << Name(platform) << status << body;
        EXPECT_EQ(ReadAudienceAnswer(platform, 401, "").outcome, Outcome::kRenewToken);
        EXPECT_EQ(ReadAudienceAnswer(platform, 429, "<html>").outcome, Outcome::kThrottled);
        EXPECT_EQ(ReadAudienceAnswer(platform, 403, "<html>").outcome, Outcome::kBlocked);
        EXPECT_EQ(ReadAudienceAnswer(platform, 200, std::string(100'000, '[')).outcome, Outcome::kRetry);
        EXPECT_EQ(ReadAudienceAnswer(platform, 200, "{\"code\":1e999}").outcome, Outcome::kRetry);
    }
}

TEST(AudienceAnswer, NoAnswer) {
    for (const P platform : kPlatformsWithJson) {
        http::Response response;
        EXPECT_EQ(ReadAnswer(MakeAudienceDestination(platform), Call::kUpload, response, kAnswerTime).reason,
                  "no answer");
        response.error = "could not connect to x: refused";
        const Answer lost =
            ReadAnswer(MakeAudienceDestination(platform), Call::kUpload, response, kAnswerTime);
        EXPECT_EQ(lost.outcome, Outcome::kRetry);
        EXPECT_EQ(lost.reason, response.error);
        response.forbidden = true;
        EXPECT_EQ(ReadAnswer(MakeAudienceDestination(platform), Call::kUpload, response, kAnswerTime).outcome,
                  Outcome::kRefused);
    }
}

TEST(AudienceAnswer, RetryAfter) {
    for (const P platform : kPlatformsWithJson)
        for (const int status : {429, 503}) {
            http::Response response = MakeAudienceResponse(status, "");
            response.retry_after = 30;
            EXPECT_EQ(
                ReadAnswer(MakeAudienceDestination(platform), Call::kUpload, response, kAnswerTime).wait,
                30 * kSecond);
            response.retry_after = int64_t{1} << 60;
            EXPECT_EQ(
                ReadAnswer(MakeAudienceDestination(platform), Call::kUpload, response, kAnswerTime).wait,
                kDay);
        }
}

// A platform that repeats a secret gives it to nobody.
TEST(AudienceAnswer, SecretsAreHidden) {
    const Destination destination = MakeAudienceDestination(P::kMeta);
    const Answer answer = ReadAnswer(
        destination, Call::kUpload,
        MakeAudienceResponse(400, R"({"error":{"code":190,"message":"bad token-of-the-platform"}})"),
        kAnswerTime);
    EXPECT_EQ(answer.reason, "Meta did not accept the access token (190): bad ***");
}

TEST(AudienceAnswer, ReasonsAreOneLine) {
    const Answer answer = ReadAudienceAnswer(P::kSnapchat, 403, R"({"display_message":"a\nb\u202e\u0000c"})");
    EXPECT_EQ(answer.reason.find_first_of(std::string("\n\0", 2)), std::string::npos);
    EXPECT_LE(
        ReadAudienceAnswer(P::kSnapchat, 403, R"({"display_message":")" + std::string(5000, 'x') + "\"}")
            .reason.size(),
        600u);
}

}  // namespace
}  // namespace pulse::audience
