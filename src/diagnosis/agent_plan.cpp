#include "pulse/diagnosis/agent_plan.hpp"

#include <algorithm>
#include <cmath>

#include "pulse/base/json.hpp"
#include "pulse/base/time.hpp"
#include "pulse/diagnosis/text.hpp"

namespace pulse::diagnosis {

namespace {

constexpr size_t kMaxCalls = 4;  // of one answer

constexpr const char* kFinalRequest =
    "This was the last tool call. Give the final answer now, as the required JSON object, based on the "
    "evidence above.";

// The conversation so far.
struct ConversationState {
    std::string system;
    Json messages = Json::array();
    int asked = 0, checks = 0;
    std::optional<ModelReply> last;
    bool was_final = false;
    std::map<std::string, ToolResult> results;  // of the last reply's calls
    std::optional<Json> problems;               // of the last reply
};

void AppendTo(Json& list, const Json& more) {
    if (more.is_array())
        for (const Json& item : more) list.push_back(item);
}

void ReplayModelStep(const Model& model, const AgentStep& step, ConversationState& state) {
    if (step.error) return;
    if (!step.sent.is_object()) return;
    if (state.system.empty()) state.system = step.sent.value("system", "");
    AppendTo(state.messages, step.sent.value("messages", Json::array()));
    std::string error;
    state.last = ReadReply(model.protocol, step.answered, static_cast<size_t>(++state.asked), error);
    state.was_final = step.sent.value("final", false);
    state.results.clear();
    state.problems.reset();
    if (state.last) state.messages.push_back(state.last->message);
}

ConversationState ReplaySteps(const Model& model, const std::vector<AgentStep>& steps) {
    ConversationState state;
    for (const AgentStep& step : steps) {
        if (step.kind == "model") {
            ReplayModelStep(model, step, state);
        } else if (step.kind == "tool" && step.sent.is_object()) {
            const std::string id = step.sent.value("id", "");
            state.results[id] = {id, EncloseData(step.answered), step.error.has_value()};
        } else if (step.kind == "check") {
            ++state.checks;
            state.problems = step.answered;
        }
    }
    return state;
}

const ToolCall* FindReport(const ModelReply& reply) {
    for (const ToolCall& call : reply.calls)
        if (call.name == kReportTool) return &call;
    return nullptr;
}

AgentAction MakeFailure(int step, const std::string& reason) {
    AgentAction action;
    action.step = step;
    action.reason = reason;
    return action;
}

std::string JoinProblems(const Json& problems) {
    std::string text;
    if (problems.is_array())
        for (const Json& one : problems)
            if (one.is_string()) text += (text.empty() ? "" : "; ") + one.get<std::string>();
    return text;
}

// Checks the last reply, which should be the final answer.
AgentAction CheckReply(const ConversationState& state) {
    const ModelReply& reply = *state.last;
    AgentAction action;
    action.type = AgentAction::Type::kCheckAnswer;
    action.step = state.asked;
    if (reply.stop == StopReason::kLength) {
        action.problem = "the answer was cut off at the length limit; give a shorter one";
    } else if (const ToolCall* report = FindReport(reply)) {
        if (report->arguments.is_object() && !report->arguments.empty())
            action.answer = report->arguments;
        else
            action.problem = "the answer is not a JSON object";
    } else if (!reply.calls.empty()) {
        action.problem = "the answer is a tool call, but the final answer was required";
    } else {
        action.answer = FindObject(reply.text);
        if (!action.answer) action.problem = "the answer is not a JSON object";
    }
    return action;
}

bool IsFinal(const ConversationState& state) {
    const ModelReply& reply = *state.last;
    return state.was_final || reply.stop == StopReason::kLength || FindReport(reply) ||
           reply.stop == StopReason::kAnswer;
}

std::vector<ToolCall> PendingCalls(const ConversationState& state) {
    std::vector<ToolCall> open;
    for (const ToolCall& call : state.last->calls)
        if (!state.results.contains(call.id)) open.push_back(call);
    return open;
}

// Each call of the last reply with its result; those without one get `fallback`.
std::vector<ToolResult> CollectResults(const ConversationState& state, const std::string& fallback) {
    std::vector<ToolResult> results;
    for (const ToolCall& call : state.last->calls) {
        const auto found = state.results.find(call.id);
        results.push_back(found != state.results.end() ? found->second : ToolResult{call.id, fallback, true});
    }
    return results;
}

AgentAction MakeRequest(const Model& model, const ConversationState& state, Json messages, bool final) {
    AgentAction action;
    action.type = AgentAction::Type::kSendRequest;
    action.step = state.asked + 1;
    const std::string system = state.asked == 0 ? SystemPrompt() : state.system;
    action.sent = {{"messages", messages}, {"final", final}};
    if (state.asked == 0) action.sent["system"] = system;
    Json all = state.messages;
    AppendTo(all, messages);
    const Json body = MakeBody(model, system, all, Tools(), AnswerSchema(), final);
    action.sent["tool_choice"] = body["tool_choice"];
    if (state.asked == 0) action.sent["tools"] = body["tools"];
    action.body = DumpJson(body);
    return action;
}

// The last step is reserved for repairing the answer, if there is more than one.
bool MustFinish(const AgentLimits& limits, int step) {
    return step >= std::max(1, limits.steps - 1);
}

AgentAction RequestCorrection(const Model& model, const AgentLimits& limits, const ConversationState& state) {
    const std::string problems = JoinProblems(*state.problems);
    if (state.checks > 1)
        return MakeFailure(state.asked, "the model's answer was invalid twice: " + problems);
    if (state.asked >= limits.steps)
        return MakeFailure(state.asked, "the model's answer was invalid and no step was left: " + problems);
    const std::string text =
        "Your answer is invalid: " + problems +
        ". Give the complete corrected answer again, as the required JSON object and nothing else.";
    return MakeRequest(model, state, MakeMessages(model.protocol, CollectResults(state, "not run"), text),
                       true);
}

}  // namespace

RequestUsage EstimateUsage(const Model& model, const std::string& body) {
    RequestUsage estimate{EstimateTokens(body.size()), model.max_output_tokens, 0};
    estimate.cost = Cost(model, estimate.input_tokens, estimate.output_tokens);
    return estimate;
}

RequestUsage ChargedUsage(const Model& model, const RequestUsage& estimate, const ModelReply* reply,
                          size_t answer_bytes) {
    constexpr int64_t kShare = 4;  // reported use below this part of the estimate is implausible
    RequestUsage used = estimate;
    if (reply) {
        used.input_tokens =
            std::max(reply->input_tokens.value_or(estimate.input_tokens), estimate.input_tokens / kShare);
        const int64_t said = EstimateTokens(DumpJson(reply->message).size());
        used.output_tokens =
            std::max(reply->output_tokens.value_or(EstimateTokens(answer_bytes)), said / kShare);
    }
    used.cost = Cost(model, used.input_tokens, used.output_tokens);
    return used;
}

std::string ExceededLimit(const AgentLimits& limits, const AgentUsage& usage, const RequestUsage& request) {
    const int64_t tokens = request.input_tokens + request.output_tokens;
    const auto message = [](const char* what, const char* setting) {
        return std::string("the next request could exceed ") + what + " (" + setting + ")";
    };
    if (usage.input_tokens + usage.output_tokens + tokens > limits.tokens)
        return message("the token limit of one investigation", "pulse.agent_max_tokens");
    if (usage.daily_tokens + tokens > limits.daily_tokens)
        return message("the token limit of 24 hours", "pulse.agent_daily_tokens");
    if (limits.cost > 0 && usage.cost + request.cost > limits.cost)
        return message("the cost limit of one investigation", "pulse.agent_max_cost");
    if (limits.daily_cost > 0 && usage.daily_cost + request.cost > limits.daily_cost)
        return message("the cost limit of 24 hours", "pulse.agent_daily_cost");
    return "";
}

int64_t RetryPause(int failures, std::optional<int64_t> asked_seconds, double jitter) {
    constexpr int64_t kLongest = 120;
    if (asked_seconds && *asked_seconds > 0) return std::min(*asked_seconds, kLongest) * kSecond;
    const double seconds = std::min(8.0, 0.5 * std::pow(2, std::clamp(failures, 1, 10)));
    return static_cast<int64_t>(seconds * (0.75 + 0.25 * jitter) * static_cast<double>(kSecond));
}

AgentAction NextAction(const Model& model, const AgentLimits& limits, const std::vector<AgentStep>& steps,
                       const std::string& opening, bool finish) {
    const ConversationState state = ReplaySteps(model, steps);
    const int step = state.asked + 1;
    if (state.asked == 0)
        return MakeRequest(model, state, MakeMessages(model.protocol, {}, opening),
                           finish || MustFinish(limits, step));
    if (!state.last) return MakeFailure(state.asked, "the protocol of the model's server was changed");
    if (state.problems) return RequestCorrection(model, limits, state);
    const ModelReply& reply = *state.last;
    if (reply.stop == StopReason::kRefused)
        return MakeFailure(
            state.asked, "the model refused" + (reply.reason.empty() ? "" : ": " + Short(reply.reason, 300)));
    if (reply.stop == StopReason::kFiltered)
        return MakeFailure(state.asked, "the model's server filtered the answer");
    if (reply.stop != StopReason::kPaused && IsFinal(state)) return CheckReply(state);
    const std::vector<ToolCall> open = PendingCalls(state);
    if (!open.empty() && state.results.size() < kMaxCalls) {
        AgentAction action;
        action.type = AgentAction::Type::kCallTools;
        action.step = state.asked;
        action.calls.assign(open.begin(), open.begin() + static_cast<std::ptrdiff_t>(std::min(
                                                             open.size(), kMaxCalls - state.results.size())));
        return action;
    }
    if (state.asked >= limits.steps)
        return MakeFailure(state.asked, "the model gave no answer in " + std::to_string(limits.steps) +
                                            " steps (pulse.agent_max_steps)");
    const bool final = finish || MustFinish(limits, step);
    const auto results =
        CollectResults(state, "not run: at most " + std::to_string(kMaxCalls) + " calls at a time");
    return MakeRequest(model, state, MakeMessages(model.protocol, results, final ? kFinalRequest : ""),
                       final);
}

int FailuresInARow(const std::vector<AgentStep>& steps) {
    int failures = 0;
    for (const AgentStep& step : steps)
        if (step.kind == "model") failures = step.error ? failures + 1 : 0;
    return failures;
}

}  // namespace pulse::diagnosis
