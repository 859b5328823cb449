// What a response of a model's server comes to: reply or error, retry, and what is charged.
#include <gtest/gtest.h>

#include "pulse/diagnosis/agent_exchange.hpp"

namespace pulse::diagnosis {
namespace {

const RequestUsage kEstimate{100, 50, 0.25};

http::Response Answered(int status, const std::string& body) {
    http::Response response;
    response.status = status;
    response.body = body;
    response.sent = true;
    return response;
}

AgentResponse Read(const http::Response& response) {
    return ReadResponse(Model(), kEstimate, response);
}

TEST(AgentExchange, RequestHasTheKeyAsASecretAndABoundedAnswer) {
    Model model;
    model.url = "https://models.example/v1";
    model.key_header = "x-api-key";
    model.api_key = "k-123";
    const http::Request request = MakeRequest(model, "{}");
    EXPECT_EQ(request.url, model.url);
    EXPECT_EQ(request.body, "{}");
    EXPECT_EQ(request.max_answer, 1u << 20);
    EXPECT_EQ(request.secrets, std::vector<std::string>{"k-123"});
    EXPECT_TRUE(MakeRequest(Model(), "{}").secrets.empty());
}

TEST(AgentExchange, ReplyIsStoredAndChargedAsReported) {
    const Json body{
        {"choices", {{{"finish_reason", "stop"}, {"message", {{"role", "assistant"}, {"content", "a"}}}}}},
        {"usage", {{"prompt_tokens", 90}, {"completion_tokens", 40}}}};
    const AgentResponse read = Read(Answered(200, body.dump()));
    EXPECT_TRUE(read.replied);
    EXPECT_EQ(read.error, "");
    EXPECT_EQ(read.answered, body);
    ASSERT_TRUE(read.charged);
    EXPECT_EQ(read.charged->input_tokens, 90);
    EXPECT_EQ(read.charged->output_tokens, 40);
}

TEST(AgentExchange, RefusedRequestIsFreeAndOnlySomeAreRetried) {
    const AgentResponse busy = Read(Answered(503, "{}")), wrong = Read(Answered(400, "{}"));
    for (const AgentResponse& read : {busy, wrong}) {
        EXPECT_FALSE(read.replied);
        EXPECT_FALSE(read.charged);
        EXPECT_NE(read.error, "");
    }
    EXPECT_TRUE(busy.retry);
    EXPECT_FALSE(wrong.retry);
}

TEST(AgentExchange, LostAnswerMayHaveBeenCharged) {
    http::Response response = Answered(0, "");
    response.error = "the connection to h was lost";
    AgentResponse read = Read(response);
    EXPECT_EQ(read.error, response.error);
    EXPECT_TRUE(read.retry);
    ASSERT_TRUE(read.charged);
    EXPECT_EQ(read.charged->input_tokens, kEstimate.input_tokens);
    EXPECT_TRUE(read.answered.is_null());
    response.sent = false;
    response.forbidden = true;
    read = Read(response);
    EXPECT_FALSE(read.charged);
    EXPECT_FALSE(read.retry);
}

TEST(AgentExchange, TextThatIsNoJsonIsStoredCutAndClean) {
    const AgentResponse read = Read(Answered(200, "<h1>\x01\xff</h1>\n" + std::string(3000, 'x')));
    EXPECT_EQ(read.error, "the model's server did not answer with JSON");
    EXPECT_TRUE(read.retry);
    const auto stored = read.answered.get<std::string>();
    EXPECT_EQ(stored.substr(0, 12),
              "<h1>??"
              "</h1>\n");
    EXPECT_EQ(stored.size(), 2000 + std::string(" (cut)").size());
}

TEST(AgentExchange, HugeAnswerIsNotRetried) {
    const AgentResponse read = Read(Answered(200, "\"" + std::string(300 << 10, 'x') + "\""));
    EXPECT_EQ(read.error, "the model's server answered more than 256 kB");
    EXPECT_FALSE(read.retry);
    EXPECT_TRUE(read.charged);
}

}  // namespace
}  // namespace pulse::diagnosis
