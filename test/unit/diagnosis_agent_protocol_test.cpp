// Both protocols: requests, replies and every kind of invalid reply.
#include <gtest/gtest.h>

#include "pulse/base/error.hpp"
#include "pulse/diagnosis/agent_plan.hpp"

namespace pulse::diagnosis {
namespace {

Model Openai() {
    return MakeModel("m",
                     {{"protocol", "openai"}, {"base_url", "https://api.openai.com/v1/"}, {"model", "gpt-x"}},
                     {{"api_key", "sk-1"}});
}

Model Anthropic() {
    return MakeModel("m",
                     {{"protocol", "anthropic"},
                      {"base_url", "https://api.anthropic.com/v1"},
                      {"model", "claude-x"},
                      {"max_output_tokens", "800"}},
                     {{"api_key", "ak-1"}});
}

std::optional<ModelReply> Read(Protocol protocol, const std::string& text, std::string* why = nullptr) {
    std::string error;
    const auto json = ParseModelJson(text);
    auto reply = json ? ReadReply(protocol, *json, 1, error) : std::nullopt;
    if (why) *why = error;
    return reply;
}

TEST(AgentModel, UrlsAndHeaders) {
    EXPECT_EQ(Openai().url, "https://api.openai.com/v1/chat/completions");
    EXPECT_EQ(Anthropic().url, "https://api.anthropic.com/v1/messages");
    const Model azure = MakeModel("m",
                                  {{"protocol", "openai"},
                                   {"base_url", "https://x.azure.com/openai/d/y?api-version=1"},
                                   {"model", "y"},
                                   {"key_header", "api-key"}},
                                  {{"api_key", "k"}});
    EXPECT_EQ(azure.url, "https://x.azure.com/openai/d/y/chat/completions?api-version=1");
    const auto has = [](const Model& model, const std::string& name, const std::string& value) {
        for (const auto& [key, text] : Headers(model))
            if (key == name && text == value) return true;
        return false;
    };
    EXPECT_TRUE(has(Openai(), "Authorization", "Bearer sk-1"));
    EXPECT_TRUE(has(Anthropic(), "x-api-key", "ak-1"));
    EXPECT_TRUE(has(Anthropic(), "anthropic-version", "2023-06-01"));
    EXPECT_TRUE(has(azure, "api-key", "k"));
    const Model local =
        MakeModel("m", {{"protocol", "openai"}, {"base_url", "http://h:11434/v1"}, {"model", "y"}}, {});
    for (const auto& [key, text] : Headers(local)) EXPECT_NE(key, "Authorization");
}

TEST(AgentModel, Options) {
    EXPECT_THROW(MakeModel("m", {{"protocol", "openai"}}, {}), UserError);
    EXPECT_THROW(CheckModelOptions(options::Holder::kMapping, {{"api_key", "a\r\nX: y"}}), UserError);
    EXPECT_THROW(
        CheckModelOptions(
            options::Holder::kServer,
            {{"protocol", "openai"}, {"base_url", "http://h"}, {"model", "y"}, {"max_output_tokens", "0"}}),
        UserError);
    Model model = Openai();
    model.price_input = 2;
    model.price_output = 10;
    EXPECT_DOUBLE_EQ(Cost(model, 500'000, 100'000), 2.0);
}

TEST(AgentProtocol, OpenaiBody) {
    const Json body = MakeBody(Openai(), "system", MakeMessages(Protocol::kOpenai, {}, "hello"), Tools(),
                               AnswerSchema(), false);
    EXPECT_EQ(body["model"], "gpt-x");
    EXPECT_EQ(body["messages"], (Json::array({{{"role", "system"}, {"content", "system"}},
                                              {{"role", "user"}, {"content", "hello"}}})));
    EXPECT_EQ(body["tool_choice"], "auto");
    EXPECT_EQ(body["parallel_tool_calls"], false);
    EXPECT_EQ(body["max_completion_tokens"], 2000);
    EXPECT_FALSE(body.contains("max_tokens"));
    EXPECT_EQ(body["response_format"]["type"], "json_schema");
    EXPECT_EQ(body["response_format"]["json_schema"]["strict"], true);
    EXPECT_EQ(body["tools"].size(), 8u);
    EXPECT_EQ(MakeBody(Openai(), "s", Json::array(), Tools(), AnswerSchema(), true)["tool_choice"], "none");
}

TEST(AgentProtocol, OpenaiCompatible) {
    Model model = Openai();
    model.token_parameter = "max_tokens";
    model.structured_output = "final";
    Json body = MakeBody(model, "s", Json::array(), Tools(), AnswerSchema(), false);
    EXPECT_EQ(body["max_tokens"], 2000);
    EXPECT_FALSE(body.contains("max_completion_tokens"));
    EXPECT_FALSE(body.contains("response_format"));
    EXPECT_TRUE(
        MakeBody(model, "s", Json::array(), Tools(), AnswerSchema(), true).contains("response_format"));
    model.token_parameter = "both";
    model.structured_output = "never";
    body = MakeBody(model, "s", Json::array(), Tools(), AnswerSchema(), true);
    EXPECT_TRUE(body.contains("max_tokens") && body.contains("max_completion_tokens") &&
                !body.contains("response_format"));
}

TEST(AgentProtocol, AnthropicBody) {
    const Json body = MakeBody(Anthropic(), "system", MakeMessages(Protocol::kAnthropic, {}, "hello"),
                               Tools(), AnswerSchema(), false);
    EXPECT_EQ(body["system"], "system");
    EXPECT_EQ(body["max_tokens"], 800);
    EXPECT_EQ(body["tools"].size(), 9u);
    EXPECT_EQ(body["tools"].back()["name"], kReportTool);
    EXPECT_EQ(body["tool_choice"]["type"], "auto");
    EXPECT_EQ(body["tool_choice"]["disable_parallel_tool_use"], true);
    const Json last = MakeBody(Anthropic(), "s", Json::array(), Tools(), AnswerSchema(), true);
    EXPECT_EQ(last["tool_choice"]["type"], "tool");
    EXPECT_EQ(last["tool_choice"]["name"], kReportTool);
}

// The requirements of the strict mode of OpenAI for every schema.
void ExpectStrict(const Json& schema) {
    if (schema.value("type", Json()) == "object") {
        EXPECT_EQ(schema["additionalProperties"], false);
        EXPECT_EQ(schema["required"].size(), schema["properties"].size());
        for (const auto& [name, part] : schema["properties"].items()) ExpectStrict(part);
    }
    if (schema.contains("items")) ExpectStrict(schema["items"]);
}

TEST(AgentProtocol, SchemasAreStrict) {
    ExpectStrict(AnswerSchema());
    for (const Tool& tool : Tools()) {
        ExpectStrict(tool.schema);
        EXPECT_LE(tool.name.size(), 64u);
        EXPECT_EQ(tool.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string::npos);
    }
}

TEST(AgentProtocol, OpenaiReplies) {
    auto reply = Read(
        Protocol::kOpenai,
        R"({"choices":[{"finish_reason":"stop","message":{"role":"assistant","content":"{}"}}],"usage":{"prompt_tokens":11,"completion_tokens":7}})");
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->stop, StopReason::kAnswer);
    EXPECT_EQ(reply->text, "{}");
    EXPECT_EQ(reply->input_tokens, 11);
    EXPECT_EQ(reply->output_tokens, 7);

    reply = Read(Protocol::kOpenai,
                 R"({"choices":[{"finish_reason":"tool_calls","message":{"content":null,"tool_calls":[
        {"id":"c1","type":"function","function":{"name":"list_snapshots","arguments":"{\"segment\":\"a\"}"}},
        {"id":"","type":"function","function":{"name":"x","arguments":"{not json"}},
        {"function":{"name":"y","arguments":{"a":1}}},
        {"function":{"name":"z","arguments":""}}]}}]})");
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->stop, StopReason::kTools);
    ASSERT_EQ(reply->calls.size(), 4u);
    EXPECT_EQ(reply->calls[0].arguments["segment"], "a");
    EXPECT_EQ(reply->calls[1].id, "call_1_2");
    EXPECT_TRUE(reply->calls[1].arguments.is_null());
    EXPECT_EQ(reply->calls[1].raw, "{not json");
    EXPECT_EQ(reply->calls[2].arguments["a"], 1);
    EXPECT_TRUE(reply->calls[3].arguments.is_object());
    EXPECT_FALSE(reply->input_tokens);
    // The message is sent back in a form that every server accepts.
    EXPECT_EQ(reply->message["tool_calls"][1]["function"]["arguments"], "{}");
    EXPECT_EQ(reply->message["tool_calls"][1]["id"], "call_1_2");

    const auto stop = [](const char* finish, const char* more) {
        return Read(Protocol::kOpenai, std::string(R"({"choices":[{"finish_reason":")") + finish +
                                           R"(","message":{"content":null)" + more + "}}]}")
            ->stop;
    };
    EXPECT_EQ(stop("length", ""), StopReason::kLength);
    EXPECT_EQ(stop("content_filter", ""), StopReason::kFiltered);
    EXPECT_EQ(stop("stop", R"(,"refusal":"I cannot")"), StopReason::kRefused);
    EXPECT_EQ(stop("stop", R"(,"tool_calls":[{"id":"a","function":{"name":"x","arguments":"{}"}}])"),
              StopReason::kTools);
}

TEST(AgentProtocol, AnthropicReplies) {
    auto reply = Read(
        Protocol::kAnthropic,
        R"({"content":[{"type":"text","text":"I look."},{"type":"tool_use","id":"t1","name":"table_health","input":{"relation":"a.b"}}],
        "stop_reason":"tool_use","usage":{"input_tokens":5,"cache_read_input_tokens":3,"output_tokens":2}})");
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->stop, StopReason::kTools);
    EXPECT_EQ(reply->text, "I look.");
    EXPECT_EQ(reply->calls.at(0).arguments["relation"], "a.b");
    EXPECT_EQ(reply->input_tokens, 8);
    const auto stop = [](const char* reason) {
        return Read(
                   Protocol::kAnthropic,
                   std::string(R"({"content":[{"type":"text","text":"x"}],"stop_reason":")") + reason + "\"}")
            ->stop;
    };
    EXPECT_EQ(stop("end_turn"), StopReason::kAnswer);
    EXPECT_EQ(stop("stop_sequence"), StopReason::kAnswer);
    EXPECT_EQ(stop("max_tokens"), StopReason::kLength);
    EXPECT_EQ(stop("model_context_window_exceeded"), StopReason::kLength);
    EXPECT_EQ(stop("refusal"), StopReason::kRefused);
    EXPECT_EQ(stop("pause_turn"), StopReason::kPaused);
    // An empty turn may not be sent back.
    EXPECT_FALSE(
        Read(Protocol::kAnthropic, R"({"content":[],"stop_reason":"end_turn"})")->message["content"].empty());
}

TEST(AgentProtocol, InvalidReplies) {
    for (const char* text : {"{}", "[]", "null", "1", R"({"choices":[]})", R"({"choices":[{}]})",
                             R"({"choices":[{"message":5}]})", R"({"choices":{}})"}) {
        std::string why;
        EXPECT_FALSE(Read(Protocol::kOpenai, text, &why)) << text;
        EXPECT_FALSE(why.empty());
        EXPECT_FALSE(Read(Protocol::kAnthropic, text)) << text;
    }
    EXPECT_TRUE(Read(Protocol::kAnthropic, R"({"content":[1,null,{"type":7}]})"));
    EXPECT_TRUE(Read(
        Protocol::kOpenai,
        R"({"choices":[{"message":{"tool_calls":[1,{"function":2}],"content":7}}],"usage":{"prompt_tokens":-1}})"));
}

TEST(AgentProtocol, UntrustedJson) {
    EXPECT_FALSE(ParseModelJson("<html>"));
    EXPECT_FALSE(ParseModelJson(std::string(100'000, '[')));
    EXPECT_FALSE(ParseModelJson(std::string(100, '[') + std::string(100, ']')));
    EXPECT_FALSE(ParseModelJson("\"\xff\""));
    EXPECT_EQ(ParseModelJson(R"({"a\u0000b":"c\u0000d"})")->dump(), R"({"a b":"c d"})");
}

TEST(AgentProtocol, ToolResults) {
    const std::vector<ToolResult> results{{"a", "one", false}, {"b", "two", true}};
    const Json openai = MakeMessages(Protocol::kOpenai, results, "go on");
    ASSERT_EQ(openai.size(), 3u);
    EXPECT_EQ(openai[0]["role"], "tool");
    EXPECT_EQ(openai[1]["tool_call_id"], "b");
    const Json anthropic = MakeMessages(Protocol::kAnthropic, results, "go on");
    ASSERT_EQ(anthropic.size(), 1u);
    EXPECT_EQ(anthropic[0]["content"][0]["type"], "tool_result");
    EXPECT_EQ(anthropic[0]["content"][1]["is_error"], true);
    EXPECT_EQ(anthropic[0]["content"][2]["type"], "text");
    EXPECT_TRUE(MakeMessages(Protocol::kOpenai, {}, "").empty());
}

TEST(AgentProtocol, Errors) {
    for (const int status : {408, 409, 425, 429, 500, 502, 503, 504, 529})
        EXPECT_TRUE(ReadModelError(status, "").retry) << status;
    for (const int status : {400, 401, 402, 403, 404, 410, 413, 422})
        EXPECT_FALSE(ReadModelError(status, "").retry) << status;
    EXPECT_FALSE(
        ReadModelError(429, R"({"error":{"code":"insufficient_quota","message":"no money"}})").retry);
    EXPECT_NE(
        ReadModelError(404, R"({"error":{"message":"model 'x' not found","type":"api_error","code":null}})")
            .reason.find("not found"),
        std::string::npos);
    EXPECT_NE(
        ReadModelError(400, R"({"error":{"code":400,"message":"m","type":"exceed_context_size_error"}})")
            .reason.find("exceed_context_size_error"),
        std::string::npos);
    EXPECT_NE(ReadModelError(404, R"({"error":"plain"})").reason.find("plain"), std::string::npos);
}

}  // namespace
}  // namespace pulse::diagnosis
