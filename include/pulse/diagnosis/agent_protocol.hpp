// What is said to a model and what it says, in OpenAI's chat completions and in Anthropic's messages. Pure
// C++.
//
// A conversation is kept as the messages of the protocol itself, so that what was sent can be kept word for
// word.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>

#include "pulse/diagnosis/agent_model.hpp"

namespace pulse::diagnosis {

using Json = nlohmann::json;

// By which a model of Anthropic's protocol gives its final answer.
inline constexpr const char* kReport = "report";

// JSON from outside: not nested deeply, and without the character that PostgreSQL cannot keep. Empty when it
// is none.
std::optional<Json> ParseModelJson(const std::string& text);

struct Tool {
    std::string name, description;
    Json schema;  // of its arguments, as OpenAI's strict mode wants it: all are required, what may be left
                  // out can be null
};

struct ToolCall {
    std::string id, name;
    Json arguments;   // null when they were no JSON object
    std::string raw;  // then the text that they were
};

enum class Stop { kAnswer, kTools, kLength, kRefused, kFiltered, kPaused };

struct Reply {
    Json message;  // to stand in the conversation
    std::string text;
    std::vector<ToolCall> calls;
    Stop stop = Stop::kAnswer;
    std::string reason;  // what the model or server said about refusing
    std::optional<int64_t> input_tokens, output_tokens;
};

// What a 2xx answer says. Empty, with the reason in `error`, when it is no answer of the protocol. The nth
// answer of the conversation names calls that came without an id.
std::optional<Reply> ReadReply(Protocol protocol, const Json& body, size_t nth, std::string& error);

// Why there is no answer, and whether another try may help.
struct Fault {
    std::string reason;
    bool retry = false;
};
Fault ReadFault(int status, const std::string& body);

struct ToolResult {
    std::string id, text;
    bool failed = false;
};

// The next words of ours: results of the calls that are open, then a text; either may be missing.
Json OurMessages(Protocol protocol, const std::vector<ToolResult>& results, const std::string& text);

// A whole request. A final one may call no tool but give the answer.
Json MakeBody(const Model& model, const std::string& system, const Json& messages,
              const std::vector<Tool>& tools, const Json& answer_schema, bool final);

}  // namespace pulse::diagnosis
