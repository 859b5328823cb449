// Requests to models and their answers, in OpenAI's chat completions and in Anthropic's messages. Pure C++.
//
// A conversation is stored as the protocol's own messages, so that it is stored verbatim.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>

#include "pulse/diagnosis/agent_model.hpp"

namespace pulse::diagnosis {

using Json = nlohmann::json;

// The tool with which a model of Anthropic's protocol gives its final answer.
inline constexpr const char* kReportTool = "report";

// Parse JSON of a model's server: nesting is limited, and the character NUL, which PostgreSQL cannot store,
// is removed. Empty when it is invalid.
std::optional<Json> ParseModelJson(const std::string& text);

struct Tool {
    std::string name, description;
    Json schema;  // of its arguments, as OpenAI's strict mode wants it: all are required, what may be left
                  // out can be null
};

struct ToolCall {
    std::string id, name;
    Json arguments;   // null when they are not a JSON object
    std::string raw;  // then their text
};

enum class StopReason { kAnswer, kTools, kLength, kRefused, kFiltered, kPaused };

struct ModelReply {
    Json message;  // as it is stored in the conversation
    std::string text;
    std::vector<ToolCall> calls;
    StopReason stop = StopReason::kAnswer;
    std::string reason;  // why the model or server refused
    std::optional<int64_t> input_tokens, output_tokens;
};

// Parse a 2xx answer. Empty, with the reason in `error`, when it does not follow the protocol. `nth` makes
// ids for calls that have none.
std::optional<ModelReply> ReadReply(Protocol protocol, const Json& body, size_t nth, std::string& error);

// Why there is no answer, and whether a retry may help.
struct ModelError {
    std::string reason;
    bool retry = false;
};
ModelError ReadModelError(int status, const std::string& body);

struct ToolResult {
    std::string id, text;
    bool failed = false;
};

// The next messages to the model: the results of its open calls, then a text; either may be missing.
Json MakeMessages(Protocol protocol, const std::vector<ToolResult>& results, const std::string& text);

// The body of a request. A final one allows no tool call, only the answer.
Json MakeBody(const Model& model, const std::string& system, const Json& messages,
              const std::vector<Tool>& tools, const Json& answer_schema, bool final);

}  // namespace pulse::diagnosis
