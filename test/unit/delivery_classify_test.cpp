#include <gtest/gtest.h>

#include "pulse/http/circuit_breaker.hpp"
#include "pulse/delivery/classify_response.hpp"

namespace pulse::delivery {
namespace {

using http::Classification;
using http::Response;
using http::Verdict;

constexpr ChannelKind kAll[] = {ChannelKind::kSlack, ChannelKind::kTeams,   ChannelKind::kResend,
                                ChannelKind::kSmtp,  ChannelKind::kWebhook, ChannelKind::kPagerduty};
constexpr ChannelKind kHttp[] = {ChannelKind::kSlack, ChannelKind::kTeams, ChannelKind::kResend,
                                 ChannelKind::kWebhook, ChannelKind::kPagerduty};

Response Make(int status, const std::string& body = "", const std::string& error = "") {
    Response answer;
    answer.status = status;
    answer.body = body;
    answer.error = error;
    return answer;
}

Verdict Of(ChannelKind kind, int status, const std::string& body = "") {
    return ClassifyResponse(kind, Make(status, body)).verdict;
}

TEST(DeliveryClassify, StatusesOfAllKinds) {
    for (const ChannelKind kind : kHttp) {
        for (const int status : {200, 201, 202, 204})
            EXPECT_EQ(Of(kind, status), Verdict::kDelivered) << status;
        for (const int status : {408, 425, 429, 500, 502, 503, 504, 529, 599})
            EXPECT_EQ(Of(kind, status), Verdict::kRetry) << status;
        for (const int status : {301, 302, 307, 400, 401, 403, 404, 405, 413, 422, 501, 505})
            EXPECT_EQ(Of(kind, status), Verdict::kRefused) << status;
        EXPECT_EQ(Of(kind, 410), Verdict::kGone);
    }
}

TEST(DeliveryClassify, ReasonUnlessDelivered) {
    for (const ChannelKind kind : kAll)
        for (int status = 0; status < 600; ++status) {
            const Classification classified = ClassifyResponse(kind, Make(status, "said\nso"));
            EXPECT_EQ(classified.reason.empty(), classified.verdict == Verdict::kDelivered) << status;
            EXPECT_EQ(classified.reason.find('\n'), std::string::npos);
        }
}

TEST(DeliveryClassify, RetriesIncompleteAnswers) {
    for (const ChannelKind kind : kAll) {
        EXPECT_EQ(ClassifyResponse(kind, Make(0, "", "no connection")).verdict, Verdict::kRetry);
        EXPECT_EQ(ClassifyResponse(kind, Make(200, "{\"half", "the answer ended prematurely")).verdict,
                  Verdict::kRetry);
        EXPECT_EQ(ClassifyResponse(kind, Make(0, "", "TLS with x failed: expired")).reason,
                  "TLS with x failed: expired");
    }
    EXPECT_EQ(
        ClassifyResponse(ChannelKind::kWebhook, Make(400, "no", "the answer ended prematurely")).verdict,
        Verdict::kRefused);
    EXPECT_EQ(
        ClassifyResponse(ChannelKind::kWebhook, Make(500, "no", "the answer ended prematurely")).verdict,
        Verdict::kRetry);
}

TEST(DeliveryClassify, ForbiddenIsNotRetried) {
    Response answer = Make(0, "", "x is not in pulse.allowed_hosts");
    answer.forbidden = true;
    for (const ChannelKind kind : kAll) {
        EXPECT_EQ(ClassifyResponse(kind, answer).verdict, Verdict::kRefused);
        EXPECT_EQ(ClassifyResponse(kind, answer).reason, "x is not in pulse.allowed_hosts");
    }
}

TEST(DeliveryClassify, RetryAfter) {
    Response answer = Make(429);
    answer.retry_after = 30;
    EXPECT_EQ(ClassifyResponse(ChannelKind::kSlack, answer).wait, 30 * kSecond);
    EXPECT_TRUE(ClassifyResponse(ChannelKind::kSlack, answer).overloaded);
    answer.status = 503;
    EXPECT_EQ(ClassifyResponse(ChannelKind::kWebhook, answer).wait, 30 * kSecond);
    answer.retry_after = int64_t{1} << 60;
    EXPECT_EQ(ClassifyResponse(ChannelKind::kWebhook, answer).wait, kDay);
    EXPECT_TRUE(ClassifyResponse(ChannelKind::kWebhook, answer).overloaded);
    answer.status = 200;
    EXPECT_EQ(ClassifyResponse(ChannelKind::kWebhook, answer).wait, 0);
    EXPECT_EQ(ClassifyResponse(ChannelKind::kWebhook, Make(500)).wait, 0);
}

TEST(DeliveryClassify, Slack) {
    constexpr ChannelKind kSlack = ChannelKind::kSlack;
    EXPECT_EQ(Of(kSlack, 200, "ok"), Verdict::kDelivered);
    EXPECT_EQ(Of(kSlack, 400, "invalid_payload"), Verdict::kRefused);
    EXPECT_EQ(Of(kSlack, 400, "no_text"), Verdict::kRefused);
    EXPECT_EQ(Of(kSlack, 403, "action_prohibited"), Verdict::kRefused);
    EXPECT_EQ(Of(kSlack, 403, "invalid_token"), Verdict::kGone);
    EXPECT_EQ(Of(kSlack, 404, "no_service"), Verdict::kGone);
    EXPECT_EQ(Of(kSlack, 404, "channel_not_found"), Verdict::kGone);
    EXPECT_EQ(Of(kSlack, 410, "channel_is_archived"), Verdict::kGone);
    EXPECT_EQ(Of(kSlack, 200, "invalid_payload"), Verdict::kRefused);
    EXPECT_EQ(Of(kSlack, 500, "rollup_error"), Verdict::kRetry);
    EXPECT_EQ(ClassifyResponse(kSlack, Make(400, "invalid_payload")).reason,
              "Slack refused the message (400): invalid_payload");
}

TEST(DeliveryClassify, Teams) {
    constexpr ChannelKind kTeams = ChannelKind::kTeams;
    EXPECT_EQ(Of(kTeams, 202), Verdict::kDelivered);
    EXPECT_EQ(Of(kTeams, 200, "1"), Verdict::kDelivered);
    const Classification hidden = ClassifyResponse(
        kTeams,
        Make(200,
             "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429 "
             "with ContextId"));
    EXPECT_EQ(hidden.verdict, Verdict::kRetry);
    EXPECT_TRUE(hidden.overloaded);
    EXPECT_EQ(Of(kTeams, 200, "Microsoft Teams endpoint returned HTTP error 413"), Verdict::kRefused);
    EXPECT_EQ(Of(kTeams, 200, "HTTP error x"), Verdict::kRetry);
}

TEST(DeliveryClassify, Resend) {
    constexpr ChannelKind kResend = ChannelKind::kResend;
    EXPECT_EQ(Of(kResend, 200, R"({"id":"1"})"), Verdict::kDelivered);
    EXPECT_EQ(Of(kResend, 409, R"({"name":"concurrent_idempotent_requests"})"), Verdict::kRetry);
    EXPECT_EQ(Of(kResend, 409, R"({"name":"invalid_idempotent_request"})"), Verdict::kRefused);
    EXPECT_EQ(Of(kResend, 422, R"({"name":"missing_required_field"})"), Verdict::kRefused);
    EXPECT_EQ(Of(kResend, 403, R"({"name":"invalid_api_key"})"), Verdict::kRefused);
    EXPECT_EQ(Of(kResend, 200, "<html>"), Verdict::kRetry);
    for (const char* name : {"daily_quota_exceeded", "monthly_quota_exceeded"}) {
        const Classification quota =
            ClassifyResponse(kResend, Make(429, std::string(R"({"name":")") + name + "\"}"));
        EXPECT_EQ(quota.verdict, Verdict::kRetry);
        EXPECT_GE(quota.wait, kHour);
        EXPECT_TRUE(quota.overloaded);
    }
    EXPECT_EQ(ClassifyResponse(kResend, Make(429, R"({"name":"rate_limit_exceeded"})")).wait, 0);
    for (const char* odd : {"", "[]", "null", "{\"name\":7}", "{\"name\":{}}", "\xff"})
        EXPECT_EQ(Of(kResend, 409, odd), Verdict::kRefused);
}

TEST(DeliveryClassify, Pagerduty) {
    constexpr ChannelKind kPagerduty = ChannelKind::kPagerduty;
    EXPECT_EQ(Of(kPagerduty, 202, R"({"status":"success"})"), Verdict::kDelivered);
    EXPECT_EQ(
        ClassifyResponse(
            kPagerduty,
            Make(
                400,
                R"({"status":"invalid event","message":"Event object is invalid","errors":["no severity"]})"))
            .reason,
        "the receiver refused the message (400): Event object is invalid; no severity");
    EXPECT_EQ(Of(kPagerduty, 400, R"({"errors":[1,{}]})"), Verdict::kRefused);
    EXPECT_EQ(Of(kPagerduty, 202, "<html>"), Verdict::kRetry);
}

TEST(DeliveryClassify, RetriesInactiveWorkflowSlowly) {
    const Classification classified = ClassifyResponse(
        ChannelKind::kWebhook,
        Make(404,
             R"({"code":404,"message":"The requested webhook \"POST x\" is not registered.","hint":""})"));
    EXPECT_EQ(classified.verdict, Verdict::kRetry);
    EXPECT_GE(classified.wait, kMinute);
    EXPECT_EQ(Of(ChannelKind::kWebhook, 404, "Not found"), Verdict::kRefused);
}

TEST(DeliveryClassify, Mail) {
    constexpr ChannelKind kSmtp = ChannelKind::kSmtp;
    EXPECT_EQ(Of(kSmtp, 250, "250 OK"), Verdict::kDelivered);
    for (const int status : {421, 450, 451, 452, 454})
        EXPECT_EQ(Of(kSmtp, status), Verdict::kRetry) << status;
    for (const int status : {500, 530, 535, 550, 552, 554})
        EXPECT_EQ(Of(kSmtp, status), Verdict::kRefused) << status;
    EXPECT_EQ(ClassifyResponse(kSmtp, Make(535, "535 no", "x refused the login")).verdict, Verdict::kRefused);
    EXPECT_EQ(ClassifyResponse(kSmtp, Make(0, "", "x does not offer STARTTLS")).verdict, Verdict::kRetry);
}

TEST(DeliveryClassify, LongAnswersMakeShortReasons) {
    std::string body;
    for (int i = 0; i < 1000; ++i) body += "\xE2\x82\xAC";
    const std::string reason = ClassifyResponse(ChannelKind::kWebhook, Make(400, body)).reason;
    EXPECT_LT(reason.size(), 400U);
    EXPECT_TRUE(reason.ends_with("\xE2\x82\xAC"));
}

TEST(DeliveryClassify, OnlyOverloadIsNotCounted) {
    for (const int status : {429, 529})
        EXPECT_TRUE(ClassifyResponse(ChannelKind::kWebhook, Make(status)).overloaded) << status;
    for (const int status : {408, 500, 502, 503, 504}) {
        EXPECT_EQ(Of(ChannelKind::kWebhook, status), Verdict::kRetry) << status;
        EXPECT_FALSE(ClassifyResponse(ChannelKind::kWebhook, Make(status)).overloaded) << status;
    }
    EXPECT_FALSE(ClassifyResponse(ChannelKind::kSmtp, Make(421)).overloaded);
}

}  // namespace
}  // namespace pulse::delivery
