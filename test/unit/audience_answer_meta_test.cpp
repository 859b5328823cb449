// Answers of Meta: the table of its codes, and what it says of audiences, logins and uploads.
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
using testing::MetaErrorBody;
using testing::ReadAudienceAnswer;

struct Case {
    int status;
    int code, subcode;
    Outcome outcome;
};

// The table of Meta's codes.
TEST(AudienceMetaAnswer, MetaCodes) {
    const Case cases[] = {
        {400, 190, 463, Outcome::kRenewToken},
        {400, 190, 460, Outcome::kRenewToken},
        {401, 190, 0, Outcome::kRenewToken},
        {403, 200, 1870050, Outcome::kBlocked},
        {403, 200, 1870090, Outcome::kBlocked},
        {400, 2650, 1870090, Outcome::kBlocked},
        {400, 200, 0, Outcome::kBlocked},
        {400, 294, 0, Outcome::kBlocked},
        {400, 10, 0, Outcome::kBlocked},
        {400, 100, 33, Outcome::kGone},
        {400, 100, 0, Outcome::kRefused},
        {400, 100, 1713230, Outcome::kFlagged},
        {400, 100, 1713231, Outcome::kFlagged},
        {400, 471, 0, Outcome::kFlagged},
        {400, 105, 0, Outcome::kRefused},
        {400, 368, 0, Outcome::kBlocked},
        {400, 2655, 0, Outcome::kBlocked},
        {400, 2650, 0, Outcome::kRefused},
        {400, 2650, 1870145, Outcome::kRetry},
        {400, 2650, 1870158, Outcome::kRestart},
        {400, 2650, 1870147, Outcome::kRestart},
        {400, 2650, 1870159, Outcome::kRestart},
        {400, 2650, 1870144, Outcome::kRefused},
        {400, 1487301, 0, Outcome::kBlocked},
        {400, 1487366, 0, Outcome::kGone},
        {400, 100, 1487366, Outcome::kGone},
        {400, 4, 0, Outcome::kThrottled},
        {429, 17, 2446079, Outcome::kThrottled},
        {400, 32, 0, Outcome::kThrottled},
        {400, 613, 1487742, Outcome::kThrottled},
        {429, 80003, 0, Outcome::kThrottled},
        {400, 80004, 0, Outcome::kThrottled},
        {500, 1, 0, Outcome::kRetry},
        {500, 2, 0, Outcome::kRetry},
        {400, 341, 0, Outcome::kRetry},
        {503, 999, 0, Outcome::kRetry},
        {400, 999, 0, Outcome::kRefused},
        {429, 999, 0, Outcome::kThrottled},
        {200, 100, 0, Outcome::kRefused},
        {200, 999, 0, Outcome::kRefused},
    };
    for (const Case& each : cases) {
        const Answer answer =
            ReadAudienceAnswer(P::kMeta, each.status, MetaErrorBody(each.code, each.subcode));
        EXPECT_EQ(answer.outcome, each.outcome)
            << each.code << "/" << each.subcode << " " << Name(answer.outcome);
        EXPECT_FALSE(answer.reason.empty());
        EXPECT_NE(answer.reason.find("said"), std::string::npos) << answer.reason;
    }
    // An account that is not there is no audience that is gone.
    EXPECT_EQ(ReadAudienceAnswer(P::kMeta, 400, MetaErrorBody(100, 33), Call::kCreate).outcome,
              Outcome::kBlocked);
    EXPECT_TRUE(ReadAudienceAnswer(P::kMeta, 400, MetaErrorBody(2650, 1870145)).busy);
    EXPECT_FALSE(ReadAudienceAnswer(P::kMeta, 500, MetaErrorBody(2)).busy);
    EXPECT_EQ(ReadAudienceAnswer(P::kMeta, 400, R"({"error":{"code":999,"is_transient":true}})").outcome,
              Outcome::kRetry);
    EXPECT_EQ(ReadAudienceAnswer(P::kMeta, 400, MetaErrorBody(100, 33), Call::kDelete).outcome,
              Outcome::kDone);
}

// Names are not unique on every platform.
TEST(AudienceMetaAnswer, TheNewestOfAName) {
    const auto find = [](const char* list) {
        return ReadAnswer(MakeAudienceDestination(P::kMeta), Call::kFind,
                          MakeAudienceResponse(200, R"({"data":)" + std::string(list) + "}"), kAnswerTime,
                          "news")
            .id;
    };
    EXPECT_EQ(find(R"([{"id":"9","name":"news"},{"id":"12","name":"news"},{"id":"11","name":"news"}])"),
              "12");
    EXPECT_EQ(find(R"([{"id":"9","name":"other"},{"id":"7","name":"news"}])"), "7");
    EXPECT_EQ(find(R"([{"id":"a","name":"news"},{"id":"b","name":"news"}])"), "a");
    EXPECT_EQ(find("[]"), "");
}

// When Meta's token ends.
TEST(AudienceMetaAnswer, MetaLogin) {
    const auto read = [](const std::string& data) {
        return ReadAudienceAnswer(P::kMeta, 200, R"({"data":{)" + data + "}}", Call::kLogin);
    };
    Answer answer = read(R"("is_valid":true,"expires_at":0,"data_access_expires_at":0)");
    EXPECT_EQ(answer.outcome, Outcome::kDone);
    EXPECT_FALSE(answer.login->ends);
    answer = read(R"("is_valid":true,"expires_at":1772366400,"data_access_expires_at":0)");
    EXPECT_EQ(FormatMoment(*answer.login->ends), "2026-03-01 12:00:00+00");
    answer = read(R"("is_valid":true,"expires_at":"1772366400","data_access_expires_at":1772280000)");
    EXPECT_EQ(FormatMoment(*answer.login->ends), "2026-02-28 12:00:00+00");
    EXPECT_EQ(read(R"("is_valid":false,"error":{"message":"expired"})").outcome, Outcome::kRenewToken);
    EXPECT_FALSE(read(R"("expires_at":-5)").login->ends);
    EXPECT_FALSE(read(R"("expires_at":"x")").login->ends);
    EXPECT_EQ(ReadAudienceAnswer(P::kMeta, 200, "{}", Call::kLogin).outcome, Outcome::kRetry);
}

TEST(AudienceMetaAnswer, MetaWaits) {
    http::Response response = MakeAudienceResponse(400, MetaErrorBody(80003));
    response.headers = {
        {"x-business-use-case-usage",
         R"({"1":[{"type":"custom_audience","call_count":100,"estimated_time_to_regain_access":19}],
                             "2":[{"estimated_time_to_regain_access":7}]})"}};
    EXPECT_EQ(ReadAnswer(MakeAudienceDestination(P::kMeta), Call::kUpload, response, kAnswerTime).wait,
              19 * kMinute);
    response.retry_after = 3600;
    EXPECT_EQ(ReadAnswer(MakeAudienceDestination(P::kMeta), Call::kUpload, response, kAnswerTime).wait,
              kHour);
    for (const char* hostile : {"", "[]", "{\"1\":7}", "{\"1\":[{\"estimated_time_to_regain_access\":-5}]}",
                                "{\"1\":[{\"estimated_time_to_regain_access\":1e300}]}"}) {
        http::Response bad = MakeAudienceResponse(400, MetaErrorBody(4));
        bad.headers = {{"x-business-use-case-usage", hostile}};
        const int64_t wait =
            ReadAnswer(MakeAudienceDestination(P::kMeta), Call::kUpload, bad, kAnswerTime).wait;
        EXPECT_GE(wait, 0);
        EXPECT_LE(wait, kDay);
    }
}

TEST(AudienceMetaAnswer, MetaDone) {
    Answer answer = ReadAudienceAnswer(
        P::kMeta, 200,
        R"({"audience_id":"42","session_id":"77","num_received":3,"num_invalid_entries":1,"invalid_entry_samples":{"a":"b"}})");
    EXPECT_EQ(answer.outcome, Outcome::kDone);
    EXPECT_EQ(answer.id, "77");
    EXPECT_EQ(answer.received, 3);
    EXPECT_EQ(answer.invalid, 1);
    // What the client has hidden as a part of the URL.
    answer = ReadAudienceAnswer(
        P::kMeta, 200, R"({"audience_id":***,"session_id":77,"num_received":2,"invalid_entry_samples":[]})");
    EXPECT_EQ(answer.outcome, Outcome::kDone);
    EXPECT_EQ(answer.received, 2);
    EXPECT_EQ(ReadAudienceAnswer(P::kMeta, 200, R"({"id":"238"})", Call::kCreate).id, "238");
    EXPECT_EQ(ReadAudienceAnswer(P::kMeta, 200, R"({"success":true})", Call::kCreate).outcome,
              Outcome::kRetry);
    EXPECT_EQ(ReadAudienceAnswer(P::kMeta, 200, R"({"success":true})", Call::kDelete).outcome,
              Outcome::kDone);
    EXPECT_EQ(
        ReadAudienceAnswer(P::kMeta, 200, R"({"data":[{"id":"1","name":"a"},{"id":"2","name":"news"}]})",
                           Call::kFind, "news")
            .id,
        "2");
    answer = ReadAudienceAnswer(P::kMeta, 200, R"({"data":[]})", Call::kFind, "news");
    EXPECT_EQ(answer.outcome, Outcome::kDone);
    EXPECT_EQ(answer.id, "");
}

TEST(AudienceMetaAnswer, MetaAudience) {
    Answer answer =
        ReadAudienceAnswer(P::kMeta, 200,
                           R"({"approximate_count_lower_bound":1000,"approximate_count_upper_bound":1200,
                             "operation_status":{"code":200,"description":"Normal"},"delivery_status":{"code":200,"description":"ready"}})",
                           Call::kAudience);
    ASSERT_TRUE(answer.audience);
    EXPECT_EQ(answer.audience->size_low, 1000);
    EXPECT_EQ(answer.audience->size_high, 1200);
    EXPECT_TRUE(answer.audience->usable);
    EXPECT_FALSE(answer.audience->expiring);
    EXPECT_EQ(answer.audience->status, "Normal");
    answer = ReadAudienceAnswer(
        P::kMeta, 200,
        R"({"operation_status":{"code":471,"description":"Flagged"},"approximate_count_lower_bound":-1})",
        Call::kAudience);
    EXPECT_EQ(answer.outcome, Outcome::kFlagged);
    EXPECT_FALSE(answer.audience->size_low);
    answer = ReadAudienceAnswer(
        P::kMeta, 200, R"({"operation_status":{"code":200,"description":"Expiring soon"}})", Call::kAudience);
    EXPECT_TRUE(answer.audience->expiring);
}

TEST(AudienceMetaAnswer, MetaProgress) {
    Answer answer = ReadAudienceAnswer(
        P::kMeta, 200,
        R"({"data":[{"session_id":"7","num_received":"200","num_matched":"150","num_invalid_entries":"2","progress":"100","stage":"completed"}]})",
        Call::kProgress);
    EXPECT_EQ(answer.outcome, Outcome::kDone);
    EXPECT_EQ(answer.progress->received, 200);
    EXPECT_EQ(answer.progress->invalid, 2);
    EXPECT_DOUBLE_EQ(*answer.progress->match_low, 0.75);
    EXPECT_EQ(
        ReadAudienceAnswer(P::kMeta, 200,
                           R"({"num_received":"1","num_matched":"9","progress":"50","stage":"matching"})",
                           Call::kProgress)
            .outcome,
        Outcome::kPending);
}

}  // namespace
}  // namespace pulse::audience
