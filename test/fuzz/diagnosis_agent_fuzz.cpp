// Any answer of a model's server is parsed or rejected and then checked, and the next request is always valid
// JSON.
#include <cstdint>
#include <cstdlib>

#include <nlohmann/json.hpp>

#include "pulse/base/json.hpp"
#include "pulse/diagnosis/agent_redact.hpp"
#include "pulse/diagnosis/agent_plan.hpp"

namespace {

using namespace pulse::diagnosis;

void Require(bool condition) {
    if (!condition) std::abort();
}

void Play(Protocol protocol, const Json& body) {
    Model model;
    model.protocol = protocol;
    AgentLimits limits;
    limits.steps = 4;
    std::vector<AgentStep> steps;
    const std::string opening = OpeningMessage({{"evidence", {{{"id", "e1"}, {"sentence", "s"}}}}});
    for (int round = 0; round < 12; ++round) {
        const AgentAction action = NextAction(model, limits, steps, opening);
        if (action.type == AgentAction::Type::kFail) return;
        if (action.type == AgentAction::Type::kSendRequest) {
            Require(Json::accept(action.body));
            std::string error;
            const bool read = ReadReply(protocol, body, 1, error).has_value();
            steps.push_back(
                {action.step, "model", "m", action.sent, body, read ? std::nullopt : std::optional(error)});
            if (!read && FailuresInARow(steps) > kMaxRetries) return;
        } else if (action.type == AgentAction::Type::kCallTools) {
            for (const ToolCall& call : action.calls) {
                const std::string problem = CheckCall(call);
                steps.push_back({action.step,
                                 "tool",
                                 call.name,
                                 {{"id", call.id}, {"arguments", call.arguments}},
                                 {{"evidence", "t1"}},
                                 problem.empty() ? std::nullopt : std::optional(problem)});
            }
        } else {
            CheckedAnswer checked{Json(), {action.problem}};
            if (action.answer) checked = CheckAnswer(*action.answer, {"e1", "t1"}, nullptr);
            if (checked.problems.empty()) {
                Require(!pulse::DumpJson(WithEvidence(checked.answer, EvidenceShown(steps))).empty());
                return;
            }
            steps.push_back({action.step, "check", "", nullptr, checked.problems, "wrong"});
        }
    }
    std::abort();  // it must end
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    ReadModelError(429, text);
    FindObject(text);
    Redactor redactor(false);
    redactor.RedactRule(text);
    redactor.RedactSql(text);
    redactor.RedactQuoted(text);
    if (const auto json = ParseModelJson(text)) {
        Play(Protocol::kOpenai, *json);
        Play(Protocol::kAnthropic, *json);
        redactor.RedactDefinition(*json);
    }
    return 0;
}
