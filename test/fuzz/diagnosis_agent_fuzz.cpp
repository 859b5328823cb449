// Whatever a model's server answers: it is read or refused, checked, and the next request is always JSON
// again.
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
    Limits limits;
    limits.steps = 4;
    std::vector<Step> steps;
    const std::string opening = Opening({{"evidence", {{{"id", "e1"}, {"sentence", "s"}}}}});
    for (int round = 0; round < 12; ++round) {
        const Plan plan = Next(model, limits, steps, opening);
        if (plan.what == Plan::What::kFail) return;
        if (plan.what == Plan::What::kAsk) {
            Require(Json::accept(plan.body));
            std::string error;
            const bool read = ReadReply(protocol, body, 1, error).has_value();
            steps.push_back(
                {plan.step, "model", "m", plan.sent, body, read ? std::nullopt : std::optional(error)});
            if (!read && FailuresInARow(steps) > kMostRetries) return;
        } else if (plan.what == Plan::What::kCall) {
            for (const ToolCall& call : plan.calls) {
                const std::string problem = CheckCall(call);
                steps.push_back({plan.step,
                                 "tool",
                                 call.name,
                                 {{"id", call.id}, {"arguments", call.arguments}},
                                 {{"evidence", "t1"}},
                                 problem.empty() ? std::nullopt : std::optional(problem)});
            }
        } else {
            CheckedAnswer checked{Json(), {plan.problem}};
            if (plan.answer) checked = CheckAnswer(*plan.answer, {"e1", "t1"}, nullptr);
            if (checked.problems.empty()) {
                Require(!pulse::DumpJson(WithEvidence(checked.answer, EvidenceShown(steps))).empty());
                return;
            }
            steps.push_back({plan.step, "check", "", nullptr, checked.problems, "wrong"});
        }
    }
    std::abort();  // it must end
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    ReadFault(429, text);
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
