// Answers of Google, TikTok and Snapchat: the tables of their codes, and what they say of audiences and
// uploads; and what a person must do, on each platform.
#include <algorithm>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "audience_testing.hpp"
#include "pulse/audience/advice.hpp"

namespace pulse::audience {
namespace {

using P = Platform;
using testing::kAnswerTime;
using testing::MakeAudienceDestination;
using testing::MakeAudienceResponse;
using testing::MetaErrorBody;
using testing::ReadAudienceAnswer;

// Whatever a person must do is said.
TEST(AudiencePlatformAnswer, SaysWhatToDo) {
    const auto advice = [](P platform, int status, const std::string& body) {
        return ReadAudienceAnswer(platform, status, body).advice;
    };
    EXPECT_EQ(advice(P::kMeta, 403, MetaErrorBody(200, 1870090)),
              "Accept the terms of custom audiences for this ad account in Meta's Ads Manager.");
    EXPECT_NE(advice(P::kMeta, 400, MetaErrorBody(10)).find("ads_management"), std::string::npos);
    EXPECT_NE(advice(P::kMeta, 400, MetaErrorBody(368)).find("disabled or blocked"), std::string::npos);
    EXPECT_NE(advice(P::kMeta, 400, MetaErrorBody(471)).find("health or money"), std::string::npos);
    EXPECT_NE(advice(P::kMeta, 400, MetaErrorBody(1487301)).find("Share the audience"), std::string::npos);
    EXPECT_NE(advice(P::kTiktok, 200, R"({"code":40001,"message":"no","data":{}})").find("advertiser"),
              std::string::npos);
    EXPECT_NE(advice(P::kSnapchat, 403, R"({"request_status":"ERROR","error_code":"E3002"})").find("right"),
              std::string::npos);
    EXPECT_NE(advice(P::kWebhook, 403, "").find("receiver"), std::string::npos);
    EXPECT_EQ(advice(P::kMeta, 400, MetaErrorBody(100)), "");
    for (const P platform : kPlatforms)
        for (const Need need : {Need::kTerms, Need::kPermission, Need::kAccount, Need::kAllowlist,
                                Need::kDeclaration, Need::kShared, Need::kReceiver})
            EXPECT_TRUE(AdviceFor(platform, need).ends_with('.'));
    for (const P platform : kPlatforms) EXPECT_TRUE(LoginAdvice(platform).ends_with('.'));
}

std::string GoogleErrorBody(int code, const char* status, const char* details = "[]") {
    return R"({"error":{"code":)" + std::to_string(code) + R"(,"message":"said","status":")" + status +
           R"(","details":)" + details + "}}";
}

TEST(AudiencePlatformAnswer, GoogleStatuses) {
    const struct {
        int code;
        const char* status;
        Outcome outcome;
    } cases[] = {{400, "INVALID_ARGUMENT", Outcome::kRefused},
                 {401, "UNAUTHENTICATED", Outcome::kRenewToken},
                 {403, "PERMISSION_DENIED", Outcome::kBlocked},
                 {409, "ABORTED", Outcome::kRetry},
                 {429, "RESOURCE_EXHAUSTED", Outcome::kThrottled},
                 {500, "INTERNAL", Outcome::kRetry},
                 {503, "UNAVAILABLE", Outcome::kRetry},
                 {504, "DEADLINE_EXCEEDED", Outcome::kRetry},
                 {404, "NOT_FOUND", Outcome::kGone},
                 {400, "FAILED_PRECONDITION", Outcome::kRefused},
                 {400, "UNAVAILABLE", Outcome::kRetry}};
    for (const auto& each : cases) {
        const Answer answer =
            ReadAudienceAnswer(P::kGoogle, each.code, GoogleErrorBody(each.code, each.status));
        EXPECT_EQ(answer.outcome, each.outcome) << each.status << " " << Name(answer.outcome);
        EXPECT_NE(answer.reason.find("said"), std::string::npos);
    }
    EXPECT_EQ(ReadAudienceAnswer(P::kGoogle, 404, GoogleErrorBody(404, "NOT_FOUND"), Call::kCreate).outcome,
              Outcome::kRefused);
    EXPECT_EQ(ReadAudienceAnswer(P::kGoogle, 404, GoogleErrorBody(404, "NOT_FOUND"), Call::kDelete).outcome,
              Outcome::kDone);
    EXPECT_NE(ReadAudienceAnswer(P::kGoogle, 400,
                                 GoogleErrorBody(400, "INVALID_ARGUMENT",
                                                 R"([{"reason":"TERMS_AND_CONDITIONS_NOT_SIGNED"}])"))
                  .reason.find("TERMS_AND"),
              std::string::npos);
    const std::pair<const char*, Outcome> reasons[] = {
        {"TERMS_AND_CONDITIONS_NOT_SIGNED", Outcome::kBlocked},
        {"NOT_ALLOWLISTED", Outcome::kBlocked},
        {"CUSTOMER_NOT_ALLOWLISTED_FOR_THIS_FEATURE", Outcome::kBlocked},
        {"EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED", Outcome::kBlocked},
        {"INVALID_USER_LIST_ID", Outcome::kRefused},
        {"INVALID_USER_LIST_TYPE", Outcome::kRefused},
        {"TOO_MANY_AUDIENCE_MEMBERS", Outcome::kRefused},
        {"MULTIPLE_DATA_TYPES_NOT_ALLOWED", Outcome::kRefused}};
    for (const auto& [reason, outcome] : reasons)
        EXPECT_EQ(
            ReadAudienceAnswer(P::kGoogle, 400,
                               GoogleErrorBody(400, "INVALID_ARGUMENT",
                                               (R"([{"reason":")" + std::string(reason) + "\"}]").c_str()))
                .outcome,
            outcome)
            << reason;
}

TEST(AudiencePlatformAnswer, GoogleRows) {
    const Answer answer =
        ReadAudienceAnswer(P::kGoogle, 400,
                           GoogleErrorBody(400, "INVALID_ARGUMENT",
                                           R"([{"reason":"INVALID_ARGUMENT"},{"fieldViolations":[
                            {"field":"audienceMembers[3].userData.userIdentifiers[0].emailAddress","reason":"INVALID_SHA256_FORMAT"},
                            {"field":"audienceMembers[3].userData.userIdentifiers[1].phoneNumber","reason":"INVALID_HEX_ENCODING"},
                            {"field":"audience_members[9].user_data","reason":"INVALID_HEX_ENCODING"}]}])"));
    EXPECT_EQ(answer.outcome, Outcome::kBadRows);
    ASSERT_EQ(answer.row_errors.size(), 2u);
    EXPECT_EQ(answer.row_errors[0].row, 3u);
    EXPECT_EQ(answer.row_errors[0].reason, "INVALID_SHA256_FORMAT");
    EXPECT_EQ(answer.row_errors[1].row, 9u);
    for (const char* field :
         {"encoding", "audienceMembers[-1].x", "audienceMembers[].x", "audienceMembers[99999999999999999999]",
          "audienceMembers[1", "x.audienceMembers[1]"}) {
        const std::string details =
            std::string(R"([{"fieldViolations":[{"field":"audienceMembers[1].x","reason":"A"},{"field":")") +
            field + R"(","reason":"B"}]}])";
        EXPECT_EQ(
            ReadAudienceAnswer(P::kGoogle, 400, GoogleErrorBody(400, "INVALID_ARGUMENT", details.c_str()))
                .outcome,
            Outcome::kRefused)
            << field;
    }
}

TEST(AudiencePlatformAnswer, GoogleDone) {
    Answer answer = ReadAudienceAnswer(
        P::kGoogle, 200,
        R"({"requestId":"r1","fieldWarnings":[{"field":"audienceMembers[0].userData","reason":"INVALID_POSTAL_CODE"}]})");
    EXPECT_EQ(answer.outcome, Outcome::kPending);
    EXPECT_EQ(answer.id, "r1");
    EXPECT_EQ(answer.invalid, 1);
    EXPECT_EQ(answer.warnings,
              std::vector<std::string>{"Google left out audienceMembers[0].userData: INVALID_POSTAL_CODE"});
    EXPECT_EQ(ReadAudienceAnswer(P::kGoogle, 200, "{}", Call::kDelete).outcome, Outcome::kDone);
    EXPECT_EQ(
        ReadAudienceAnswer(P::kGoogle, 200, R"({"name":"accountTypes/GOOGLE_ADS/accounts/1/userLists/99"})",
                           Call::kCreate)
            .id,
        "99");
    EXPECT_EQ(ReadAudienceAnswer(P::kGoogle, 200, R"({"id":"98","name":"x/99"})", Call::kCreate).id, "98");
    EXPECT_EQ(ReadAudienceAnswer(P::kGoogle, 200,
                                 R"({"userLists":[{"displayName":"news","name":"x/userLists/7"}]})",
                                 Call::kFind, "news")
                  .id,
              "7");
    answer = ReadAudienceAnswer(
        P::kGoogle, 200,
        R"({"sizeInfo":{"displayNetworkMembersCount":"1200","searchNetworkMembersCount":"900"},
                                       "ingestedUserListInfo":{"contactIdInfo":{"matchRatePercentage":57}}})",
        Call::kAudience);
    EXPECT_EQ(answer.audience->size_low, 900);
    EXPECT_EQ(answer.audience->size_high, 1200);
    EXPECT_DOUBLE_EQ(*answer.audience->match_low, 0.57);
}

TEST(AudiencePlatformAnswer, GoogleProgress) {
    const auto status = [](const char* one) {
        return ReadAudienceAnswer(
            P::kGoogle, 200,
            std::string(R"({"requestStatusPerDestination":[{"requestStatus":)") + one + "}]}",
            Call::kProgress);
    };
    EXPECT_EQ(status(R"("PROCESSING")").outcome, Outcome::kPending);
    EXPECT_EQ(
        status(
            R"("FAILED","errorInfo":{"errorCounts":[{"recordCount":"5","reason":"PROCESSING_ERROR_REASON_INVALID_CUSTOM_VARIABLE"}]})")
            .outcome,
        Outcome::kRefused);
    EXPECT_EQ(
        status(
            R"("FAILURE","errorInfo":{"errorCounts":[{"reason":"PROCESSING_ERROR_REASON_INTERNAL_ERROR"}]})")
            .outcome,
        Outcome::kRestart);
    const Answer done = status(
        R"("SUCCESS","audienceMembersIngestionStatus":{"userDataIngestionStatus":{"recordCount":"200","userIdentifierCount":"300","uploadMatchRateRange":"MATCH_RATE_RANGE_41_TO_50"}})");
    EXPECT_EQ(done.outcome, Outcome::kDone);
    EXPECT_EQ(done.progress->received, 200);
    EXPECT_DOUBLE_EQ(*done.progress->match_low, 0.41);
    EXPECT_DOUBLE_EQ(*done.progress->match_high, 0.50);
    const auto range = [&](const char* text) {
        const Answer answer = status(
            (std::string(
                 R"("SUCCESS","audienceMembersIngestionStatus":{"userDataIngestionStatus":{"uploadMatchRateRange":")") +
             text + "\"}}")
                .c_str());
        return answer.progress->match_low
                   ? std::to_string(static_cast<int>(*answer.progress->match_low * 100 + 0.5)) + "-" +
                         std::to_string(static_cast<int>(*answer.progress->match_high * 100 + 0.5))
                   : "";
    };
    EXPECT_EQ(range("MATCH_RATE_RANGE_LESS_THAN_20"), "0-20");
    EXPECT_EQ(range("MORE_THAN_90"), "90-100");
    EXPECT_EQ(range("91-100"), "91-100");
    EXPECT_EQ(range("MATCH_RATE_RANGE_UNKNOWN"), "");
    EXPECT_EQ(range("1 2 3"), "");
    EXPECT_EQ(range("999"), "");
    const Answer part = status(
        R"("PARTIAL_SUCCESS","errorInfo":{"errorCounts":[{"recordCount":"5","reason":"X"},{"recordCount":2}]})");
    EXPECT_EQ(part.outcome, Outcome::kDone);
    EXPECT_EQ(part.progress->invalid, 7);
    EXPECT_EQ(part.warnings.size(), 1u);
    EXPECT_EQ(
        ReadAudienceAnswer(P::kGoogle, 200, R"({"requestStatusPerDestination":[]})", Call::kProgress).outcome,
        Outcome::kPending);
}

std::string TiktokBodyOf(int code, const char* message = "said", const char* data = "{}") {
    return R"({"code":)" + std::to_string(code) + R"(,"message":")" + message +
           R"(","request_id":"r","data":)" + data + "}";
}

TEST(AudiencePlatformAnswer, TiktokCodes) {
    const struct {
        int code;
        Outcome outcome;
    } cases[] = {{0, Outcome::kDone},           {20001, Outcome::kPartial},    {40000, Outcome::kRefused},
                 {40002, Outcome::kRefused},    {40007, Outcome::kRefused},    {40011, Outcome::kRefused},
                 {40300, Outcome::kRefused},    {40301, Outcome::kRefused},    {40001, Outcome::kBlocked},
                 {40118, Outcome::kBlocked},    {40119, Outcome::kBlocked},    {40125, Outcome::kBlocked},
                 {40100, Outcome::kThrottled},  {40016, Outcome::kThrottled},  {40133, Outcome::kThrottled},
                 {40132, Outcome::kThrottled},  {40102, Outcome::kRenewToken}, {40104, Outcome::kRenewToken},
                 {40105, Outcome::kRenewToken}, {40106, Outcome::kRenewToken}, {40202, Outcome::kRetry},
                 {40201, Outcome::kRetry},      {50000, Outcome::kRetry},      {50002, Outcome::kRetry},
                 {51305, Outcome::kRetry},      {60001, Outcome::kRetry},      {40050, Outcome::kDone},
                 {41234, Outcome::kRefused}};
    for (const auto& each : cases) {
        const Answer answer = ReadAudienceAnswer(P::kTiktok, 200, TiktokBodyOf(each.code));
        EXPECT_EQ(answer.outcome, each.outcome) << each.code << " " << Name(answer.outcome);
        EXPECT_EQ(answer.reason.empty(), each.outcome == Outcome::kDone);
    }
    EXPECT_EQ(ReadAudienceAnswer(P::kTiktok, 200, TiktokBodyOf(60001)).wait, 5 * kMinute);
    EXPECT_EQ(ReadAudienceAnswer(P::kTiktok, 200, TiktokBodyOf(40050)).warnings.size(), 1u);
    EXPECT_EQ(
        ReadAudienceAnswer(P::kTiktok, 200, TiktokBodyOf(40002, "The audience is being updated")).outcome,
        Outcome::kRetry);
    EXPECT_EQ(ReadAudienceAnswer(P::kTiktok, 200, TiktokBodyOf(40002, "Audience does not exist")).outcome,
              Outcome::kGone);
    EXPECT_EQ(ReadAudienceAnswer(P::kTiktok, 200, TiktokBodyOf(40002, "Advertiser does not exist")).outcome,
              Outcome::kRefused);
    EXPECT_EQ(ReadAudienceAnswer(P::kTiktok, 200, TiktokBodyOf(40100, "Too many requests per second")).wait,
              kSecond);
    EXPECT_EQ(ReadAudienceAnswer(P::kTiktok, 200, TiktokBodyOf(40100, "Too many requests per minute")).wait,
              5 * kMinute);
    EXPECT_EQ(ReadAudienceAnswer(P::kTiktok, 200, TiktokBodyOf(40100, "daily limit")).wait,
              6 * kHour);  // until midnight
    EXPECT_EQ(ReadAudienceAnswer(P::kTiktok, 503, "{}").outcome, Outcome::kRetry);
    EXPECT_EQ(ReadAudienceAnswer(P::kTiktok, 200, R"({"message":"OK"})").outcome, Outcome::kRetry);
    EXPECT_EQ(ReadAudienceAnswer(P::kTiktok, 500, TiktokBodyOf(0)).outcome, Outcome::kRetry);
}

TEST(AudiencePlatformAnswer, TiktokAudiences) {
    EXPECT_EQ(
        ReadAudienceAnswer(P::kTiktok, 200, TiktokBodyOf(0, "OK", R"({"audience_id":"238"})"), Call::kCreate)
            .id,
        "238");
    EXPECT_EQ(ReadAudienceAnswer(P::kTiktok, 200, TiktokBodyOf(0), Call::kCreate).outcome, Outcome::kRetry);
    Answer answer = ReadAudienceAnswer(
        P::kTiktok, 200,
        TiktokBodyOf(
            0, "OK",
            R"({"list":[{"audience_details":{"cover_num":1500,"is_valid":true,"is_expiring":true}}]})"),
        Call::kAudience);
    EXPECT_EQ(answer.audience->size_low, 1500);
    EXPECT_TRUE(answer.audience->expiring);
    EXPECT_TRUE(answer.audience->usable);
    answer = ReadAudienceAnswer(
        P::kTiktok, 200,
        TiktokBodyOf(0, "OK", R"({"list":[{"cover_num":3,"is_valid":false,"error_msg":"too small"}]})"),
        Call::kAudience);
    EXPECT_FALSE(answer.audience->usable);
    EXPECT_EQ(answer.audience->status, "too small");
    EXPECT_EQ(
        ReadAudienceAnswer(P::kTiktok, 200, TiktokBodyOf(0, "OK", R"({"list":[]})"), Call::kAudience).outcome,
        Outcome::kGone);
    EXPECT_EQ(ReadAudienceAnswer(P::kTiktok, 200,
                                 TiktokBodyOf(0, "OK", R"({"list":[{"name":"news","audience_id":"5"}]})"),
                                 Call::kFind, "news")
                  .id,
              "5");
}

// Names there have at most 70 characters, and lists have pages.
TEST(AudiencePlatformAnswer, TiktokFinds) {
    const std::string name(100, 'x');
    const std::string cut = nlohmann::json::parse(
        CreateRequest(MakeAudienceDestination(P::kTiktok), "t", {name, ""}).body)["custom_audience_name"];
    const auto find = [&](const std::string& list, const char* pages) {
        return ReadAudienceAnswer(
            P::kTiktok, 200,
            TiktokBodyOf(0, "OK", (R"({"list":)" + list + R"(,"page_info":)" + pages + "}").c_str()),
            Call::kFind, name);
    };
    const Answer found =
        find(R"([{"name":")" + cut + R"(","audience_id":"5"}])", R"({"page":1,"total_page":4})");
    EXPECT_EQ(found.id, "5");
    EXPECT_FALSE(found.more);
    EXPECT_TRUE(find("[]", R"({"page":1,"total_page":4})").more);
    EXPECT_FALSE(find("[]", R"({"page":4,"total_page":4})").more);
    EXPECT_FALSE(find("[]", "null").more);
    EXPECT_NE(FindRequest(MakeAudienceDestination(P::kTiktok), "t", name, 3).url.find("page=3&"),
              std::string::npos);
}

TEST(AudiencePlatformAnswer, Snapchat) {
    const auto read = [](int status, const char* body, Call call = Call::kUpload) {
        return ReadAudienceAnswer(P::kSnapchat, status, body, call);
    };
    for (const char* word : {"SUCCESS", "success", "Success"}) {
        const std::string body = std::string(R"({"request_status":")") + word +
                                 R"(","users":[{"sub_request_status":")" + word +
                                 R"(","user":{"number_uploaded_users":7}}]})";
        EXPECT_EQ(read(200, body.c_str()).outcome, Outcome::kDone);
        EXPECT_EQ(read(200, body.c_str()).received, 7);
    }
    EXPECT_EQ(
        read(
            200,
            R"({"request_status":"SUCCESS","users":[{"sub_request_status":"ERROR","sub_request_error_reason":"why"}]})")
            .outcome,
        Outcome::kRetry);
    EXPECT_EQ(read(200, R"({"request_status":"ERROR","display_message":"no"})").outcome, Outcome::kRefused);
    EXPECT_EQ(read(200, R"({"ok":1})").outcome, Outcome::kRetry);
    EXPECT_EQ(read(401, "unauthorized").outcome, Outcome::kRenewToken);
    const Answer refused = read(
        403,
        R"({"request_status":"ERROR","debug_message":"d","display_message":"no rights","error_code":"E3002"})");
    EXPECT_EQ(refused.outcome, Outcome::kBlocked);
    EXPECT_EQ(refused.reason, "Snapchat does not allow this (403): E3002, no rights");
    EXPECT_EQ(read(429, "").outcome, Outcome::kThrottled);
    for (const int status : {500, 502, 503, 504}) EXPECT_EQ(read(status, "").outcome, Outcome::kRetry);
    EXPECT_EQ(read(404, "").outcome, Outcome::kGone);
    EXPECT_EQ(read(404, "", Call::kCreate).outcome, Outcome::kRefused);
    EXPECT_EQ(read(204, "", Call::kDelete).outcome, Outcome::kDone);
    EXPECT_EQ(read(200, "", Call::kDelete).outcome, Outcome::kDone);
    EXPECT_EQ(read(404, "", Call::kDelete).outcome, Outcome::kDone);
    const Answer audience = read(
        200,
        R"({"request_status":"SUCCESS","segments":[{"sub_request_status":"SUCCESS","segment":{"id":"s","approximate_number_users":1000,"targetable_status":"TOO_FEW_USERS","upload_status":"COMPLETE"}}]})",
        Call::kAudience);
    EXPECT_EQ(audience.audience->size_high, 1000);
    EXPECT_FALSE(audience.audience->usable);
    EXPECT_EQ(audience.audience->status, "TOO_FEW_USERS, COMPLETE");
    EXPECT_EQ(
        read(200, R"({"request_status":"success","segments":[{"segment":{"id":"s"}}]})", Call::kCreate).id,
        "s");
    EXPECT_EQ(ReadAudienceAnswer(
                  P::kSnapchat, 200,
                  R"({"request_status":"success","segments":[{"segment":{"id":"s","name":"news"}}]})",
                  Call::kFind, "news")
                  .id,
              "s");
}

}  // namespace
}  // namespace pulse::audience
