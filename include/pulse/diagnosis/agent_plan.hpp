// An investigation as the steps that were kept of it, and what comes next: it can go on from there in any
// process. Pure C++.
#pragma once

#include <map>

#include "pulse/diagnosis/agent_answer.hpp"
#include "pulse/diagnosis/agent_tools.hpp"

namespace pulse::diagnosis {

// A row of pulse.agent_step.
struct Step {
    int step = 0;
    std::string kind;  // model, tool, check
    std::string name;
    Json sent, answered;
    std::optional<std::string> error;
};

struct Limits {
    int steps = 8;
    int64_t tokens = 60'000, daily_tokens = 1'000'000;
    double cost = 0, daily_cost = 0;  // 0: no limit
};

// What was used: by the investigation, and by all of 24 hours, the requests under way included.
struct Spent {
    int64_t input_tokens = 0, output_tokens = 0, daily_tokens = 0;
    double cost = 0, daily_cost = 0;
};

// What a request may use at most, so far as can be told before.
struct Estimate {
    int64_t input_tokens = 0, output_tokens = 0;
    double cost = 0;
};
Estimate EstimateRequest(const Model& model, const std::string& body);
// What a request is charged that was estimated so: all of it without an answer, else what the server reports,
// but not less than a part of what it must have been.
Estimate Charge(const Model& model, const Estimate& estimate, const Reply* reply, size_t answer_bytes);

// Why a request is too much; empty when it is not.
std::string OverBudget(const Limits& limits, const Spent& spent, const Estimate& request);

// How often a failed request is tried again, and how long that waits: in microseconds, for the nth failure in
// a row (from 1): what the server asked for up to two minutes, else about 1, 2, 4 … 8 s.
inline constexpr int kMostRetries = 3;
int64_t RetryPause(int failures, std::optional<int64_t> asked_seconds, double jitter);

// What an investigation does next.
struct Plan {
    enum class What { kAsk, kCall, kCheck, kFail } what = What::kFail;
    int step = 1;
    // kAsk: what is new, to be kept, and the whole request
    Json sent;
    std::string body;
    // kCall: calls without a result
    std::vector<ToolCall> calls;
    // kCheck: the final answer, or why there is none
    std::optional<Json> answer;
    std::string problem;
    // kFail
    std::string reason;
};

// The system prompt, and the first words: the diagnosis as JSON between marks.
const std::string& SystemPrompt();
std::string Opening(const Json& briefing);
// JSON between marks that nothing inside it can close.
std::string Enclosed(const Json& data);

// `opening` is for an investigation that has no step yet. With `finish` the next request is the last one: the
// budget says so.
Plan Next(const Model& model, const Limits& limits, const std::vector<Step>& steps,
          const std::string& opening, bool finish = false);

// Failed requests since the last answer.
int FailuresInARow(const std::vector<Step>& steps);

// The evidence that the model was shown: ids with a sentence each.
std::vector<std::pair<std::string, std::string>> EvidenceShown(const std::vector<Step>& steps);

// The answer with the evidence that it cites, so that it can be read by itself.
Json WithEvidence(const Json& answer, const std::vector<std::pair<std::string, std::string>>& shown);

}  // namespace pulse::diagnosis
