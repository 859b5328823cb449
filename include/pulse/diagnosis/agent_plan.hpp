// The state of an investigation is its stored steps; the next action follows from them, so that any process
// can resume it. Pure C++.
#pragma once

#include <map>

#include "pulse/diagnosis/agent_answer.hpp"
#include "pulse/diagnosis/agent_tools.hpp"

namespace pulse::diagnosis {

// A row of pulse.agent_step.
struct AgentStep {
    int step = 0;
    std::string kind;  // model, tool, check
    std::string name;
    Json sent, answered;
    std::optional<std::string> error;
};

struct AgentLimits {
    int steps = 8;
    int64_t tokens = 60'000, daily_tokens = 1'000'000;
    double cost = 0, daily_cost = 0;  // 0: no limit
};

// Tokens and cost used by the investigation and by all investigations of 24 hours, running requests included.
struct AgentUsage {
    int64_t input_tokens = 0, output_tokens = 0, daily_tokens = 0;
    double cost = 0, daily_cost = 0;
};

// The estimated maximum use of a request.
struct RequestUsage {
    int64_t input_tokens = 0, output_tokens = 0;
    double cost = 0;
};
RequestUsage EstimateUsage(const Model& model, const std::string& body);
// What a request is charged: without an answer the estimate, else what the server reports, but at least a
// part of the estimate.
RequestUsage ChargedUsage(const Model& model, const RequestUsage& estimate, const ModelReply* reply,
                          size_t answer_bytes);

// Returns which limit a request exceeds; empty when it exceeds none.
std::string ExceededLimit(const AgentLimits& limits, const AgentUsage& usage, const RequestUsage& request);

// Retries of a failed request, and the pause in microseconds after the nth failure in a row (from 1): the
// server's Retry-After, up to two minutes, else about 1, 2, 4 … 8 s.
inline constexpr int kMaxRetries = 3;
int64_t RetryPause(int failures, std::optional<int64_t> asked_seconds, double jitter);

// The next action of an investigation.
struct AgentAction {
    enum class Type { kSendRequest, kCallTools, kCheckAnswer, kFail } type = Type::kFail;
    int step = 1;
    // kAsk: the new messages, to be stored, and the whole request
    Json sent;
    std::string body;
    // kCall: calls without a result
    std::vector<ToolCall> calls;
    // kCheck: the final answer, or why it is missing
    std::optional<Json> answer;
    std::string problem;
    // kFail
    std::string reason;
};

// The system prompt, and the first message: the diagnosis as JSON between marks.
const std::string& SystemPrompt();
std::string OpeningMessage(const Json& briefing);
// JSON between marks that its content cannot close.
std::string EncloseData(const Json& data);

// Plan the next action. `opening` is used when there is no step yet. With `finish` the next request is the
// last one that the budget allows.
AgentAction NextAction(const Model& model, const AgentLimits& limits, const std::vector<AgentStep>& steps,
                       const std::string& opening, bool finish = false);

// Count the failed requests since the last answer.
int FailuresInARow(const std::vector<AgentStep>& steps);

// The evidence that the model was shown: an id and a sentence each.
std::vector<std::pair<std::string, std::string>> EvidenceShown(const std::vector<AgentStep>& steps);

// Add the cited evidence to the answer, so that the answer is complete by itself.
Json WithEvidence(const Json& answer, const std::vector<std::pair<std::string, std::string>>& shown);

}  // namespace pulse::diagnosis
