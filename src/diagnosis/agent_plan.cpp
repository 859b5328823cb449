#include "pulse/diagnosis/agent_plan.hpp"

#include <algorithm>
#include <cmath>

#include "pulse/base/json.hpp"
#include "pulse/base/time.hpp"
#include "pulse/diagnosis/text.hpp"

namespace pulse::diagnosis {

namespace {

constexpr size_t kMostCalls = 4;  // of one answer

constexpr const char* kAskFinal =
    "This was the last tool call. Give the final answer now, as the JSON object that was asked for, from "
    "the evidence above.";

// The conversation so far.
struct Replayed {
    std::string system;
    Json messages = Json::array();
    int asked = 0, checks = 0;
    std::optional<Reply> last;
    bool was_final = false;
    std::map<std::string, ToolResult> results;  // of the last reply's calls
    std::optional<Json> problems;               // of the last reply
};

void AppendTo(Json& list, const Json& more) {
    if (more.is_array())
        for (const Json& item : more) list.push_back(item);
}

void ReplayModel(const Model& model, const Step& step, Replayed& talk) {
    if (step.error) return;
    if (!step.sent.is_object()) return;
    if (talk.system.empty()) talk.system = step.sent.value("system", "");
    AppendTo(talk.messages, step.sent.value("messages", Json::array()));
    std::string error;
    talk.last = ReadReply(model.protocol, step.answered, static_cast<size_t>(++talk.asked), error);
    talk.was_final = step.sent.value("final", false);
    talk.results.clear();
    talk.problems.reset();
    if (talk.last) talk.messages.push_back(talk.last->message);
}

Replayed Replay(const Model& model, const std::vector<Step>& steps) {
    Replayed talk;
    for (const Step& step : steps) {
        if (step.kind == "model") {
            ReplayModel(model, step, talk);
        } else if (step.kind == "tool" && step.sent.is_object()) {
            const std::string id = step.sent.value("id", "");
            talk.results[id] = {id, Enclosed(step.answered), step.error.has_value()};
        } else if (step.kind == "check") {
            ++talk.checks;
            talk.problems = step.answered;
        }
    }
    return talk;
}

const ToolCall* FindReport(const Reply& reply) {
    for (const ToolCall& call : reply.calls)
        if (call.name == kReport) return &call;
    return nullptr;
}

Plan Fail(int step, const std::string& reason) {
    Plan plan;
    plan.step = step;
    plan.reason = reason;
    return plan;
}

std::string Said(const Json& problems) {
    std::string text;
    if (problems.is_array())
        for (const Json& one : problems)
            if (one.is_string()) text += (text.empty() ? "" : "; ") + one.get<std::string>();
    return text;
}

// Checks the last reply, which should be the final answer.
Plan Check(const Replayed& talk) {
    const Reply& reply = *talk.last;
    Plan plan;
    plan.what = Plan::What::kCheck;
    plan.step = talk.asked;
    if (reply.stop == Stop::kLength) {
        plan.problem = "the answer was cut at the limit of its length; give a shorter one";
    } else if (const ToolCall* report = FindReport(reply)) {
        if (report->arguments.is_object() && !report->arguments.empty())
            plan.answer = report->arguments;
        else
            plan.problem = "the answer is not a JSON object";
    } else if (!reply.calls.empty()) {
        plan.problem = "a tool was called where the final answer was asked for";
    } else {
        plan.answer = FindObject(reply.text);
        if (!plan.answer) plan.problem = "the answer is not a JSON object";
    }
    return plan;
}

bool IsFinal(const Replayed& talk) {
    const Reply& reply = *talk.last;
    return talk.was_final || reply.stop == Stop::kLength || FindReport(reply) || reply.stop == Stop::kAnswer;
}

std::vector<ToolCall> OpenCalls(const Replayed& talk) {
    std::vector<ToolCall> open;
    for (const ToolCall& call : talk.last->calls)
        if (!talk.results.contains(call.id)) open.push_back(call);
    return open;
}

// Each call of the last reply with its result; those without one get `otherwise`.
std::vector<ToolResult> Results(const Replayed& talk, const std::string& otherwise) {
    std::vector<ToolResult> results;
    for (const ToolCall& call : talk.last->calls) {
        const auto found = talk.results.find(call.id);
        results.push_back(found != talk.results.end() ? found->second : ToolResult{call.id, otherwise, true});
    }
    return results;
}

Plan Ask(const Model& model, const Replayed& talk, Json messages, bool final) {
    Plan plan;
    plan.what = Plan::What::kAsk;
    plan.step = talk.asked + 1;
    const std::string system = talk.asked == 0 ? SystemPrompt() : talk.system;
    plan.sent = {{"messages", messages}, {"final", final}};
    if (talk.asked == 0) plan.sent["system"] = system;
    Json all = talk.messages;
    AppendTo(all, messages);
    const Json body = MakeBody(model, system, all, Tools(), AnswerSchema(), final);
    plan.sent["tool_choice"] = body["tool_choice"];
    if (talk.asked == 0) plan.sent["tools"] = body["tools"];
    plan.body = DumpJson(body);
    return plan;
}

// The last step is reserved for repairing the answer, if there is more than one.
bool MustFinish(const Limits& limits, int step) {
    return step >= std::max(1, limits.steps - 1);
}

Plan Repair(const Model& model, const Limits& limits, const Replayed& talk) {
    const std::string problems = Said(*talk.problems);
    if (talk.checks > 1) return Fail(talk.asked, "the model's answer was wrong twice: " + problems);
    if (talk.asked >= limits.steps)
        return Fail(talk.asked, "the model's answer was wrong and no step was left: " + problems);
    const std::string text =
        "Your answer cannot be used: " + problems +
        ". Give the whole answer again, corrected, as the JSON object that was asked for and nothing else.";
    return Ask(model, talk, OurMessages(model.protocol, Results(talk, "not run"), text), true);
}

}  // namespace

Estimate EstimateRequest(const Model& model, const std::string& body) {
    Estimate estimate{EstimateTokens(body.size()), model.max_output_tokens, 0};
    estimate.cost = Cost(model, estimate.input_tokens, estimate.output_tokens);
    return estimate;
}

Estimate Charge(const Model& model, const Estimate& estimate, const Reply* reply, size_t answer_bytes) {
    constexpr int64_t kShare = 4;  // reported use below this part of the estimate is implausible
    Estimate used = estimate;
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

std::string OverBudget(const Limits& limits, const Spent& spent, const Estimate& request) {
    const int64_t tokens = request.input_tokens + request.output_tokens;
    const auto told = [](const char* what, const char* setting) {
        return std::string("the next request could exceed ") + what + " (" + setting + ")";
    };
    if (spent.input_tokens + spent.output_tokens + tokens > limits.tokens)
        return told("the tokens of one investigation", "pulse.agent_max_tokens");
    if (spent.daily_tokens + tokens > limits.daily_tokens)
        return told("the tokens of 24 hours", "pulse.agent_daily_tokens");
    if (limits.cost > 0 && spent.cost + request.cost > limits.cost)
        return told("the cost of one investigation", "pulse.agent_max_cost");
    if (limits.daily_cost > 0 && spent.daily_cost + request.cost > limits.daily_cost)
        return told("the cost of 24 hours", "pulse.agent_daily_cost");
    return "";
}

int64_t RetryPause(int failures, std::optional<int64_t> asked_seconds, double jitter) {
    constexpr int64_t kLongest = 120;
    if (asked_seconds && *asked_seconds > 0) return std::min(*asked_seconds, kLongest) * kSecond;
    const double seconds = std::min(8.0, 0.5 * std::pow(2, std::clamp(failures, 1, 10)));
    return static_cast<int64_t>(seconds * (0.75 + 0.25 * jitter) * static_cast<double>(kSecond));
}

Plan Next(const Model& model, const Limits& limits, const std::vector<Step>& steps,
          const std::string& opening, bool finish) {
    const Replayed talk = Replay(model, steps);
    const int step = talk.asked + 1;
    if (talk.asked == 0)
        return Ask(model, talk, OurMessages(model.protocol, {}, opening), finish || MustFinish(limits, step));
    if (!talk.last) return Fail(talk.asked, "the model's server was changed to one of another protocol");
    if (talk.problems) return Repair(model, limits, talk);
    const Reply& reply = *talk.last;
    if (reply.stop == Stop::kRefused)
        return Fail(talk.asked,
                    "the model refused" + (reply.reason.empty() ? "" : ": " + Short(reply.reason, 300)));
    if (reply.stop == Stop::kFiltered) return Fail(talk.asked, "the model's server filtered the answer");
    if (reply.stop != Stop::kPaused && IsFinal(talk)) return Check(talk);
    const std::vector<ToolCall> open = OpenCalls(talk);
    if (!open.empty() && talk.results.size() < kMostCalls) {
        Plan plan;
        plan.what = Plan::What::kCall;
        plan.step = talk.asked;
        plan.calls.assign(open.begin(), open.begin() + static_cast<std::ptrdiff_t>(std::min(
                                                           open.size(), kMostCalls - talk.results.size())));
        return plan;
    }
    if (talk.asked >= limits.steps)
        return Fail(talk.asked, "the model gave no answer in " + std::to_string(limits.steps) +
                                    " steps (pulse.agent_max_steps)");
    const bool final = finish || MustFinish(limits, step);
    const auto results = Results(talk, "not run: at most " + std::to_string(kMostCalls) + " calls at a time");
    return Ask(model, talk, OurMessages(model.protocol, results, final ? kAskFinal : ""), final);
}

int FailuresInARow(const std::vector<Step>& steps) {
    int failures = 0;
    for (const Step& step : steps)
        if (step.kind == "model") failures = step.error ? failures + 1 : 0;
    return failures;
}

}  // namespace pulse::diagnosis
