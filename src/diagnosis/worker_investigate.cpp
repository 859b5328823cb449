// The job investigations: several at a time. Each is a conversation stored in the database, so any process
// can continue it. No transaction is open while a model answers.
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "pulse/base/number.hpp"
#include "pulse/base/random.hpp"
#include "pulse/diagnosis/agent_exchange.hpp"
#include "pulse/diagnosis/store_agent.hpp"
#include "pulse/diagnosis/text.hpp"
#include "pulse/http/worker_exchange.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/memory.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/pg/transaction.hpp"

namespace pulse::diagnosis {

namespace {

constexpr size_t kMaxConversations = 4;
constexpr int kMaxAttempts = 5;                 // processes in a row that died before it advanced
constexpr int64_t kMaxIdleWait = 20 * kSecond;  // how long the process waits for the next retry
constexpr int64_t kDisabledPause = kMinute;     // while sending is disabled
constexpr long kPollInterval = 2'000;           // ms between checks for queued or cancelled ones

// Runs a short transaction on Pulse's own tables.
template <typename Body>
auto InTransaction(const char* what, Body body) {
    pg::Transaction transaction(what);
    auto result = [&] {
        const pg::OwnerSession session;
        return body();
    }();
    transaction.Commit();
    return result;
}

// An investigation that this process has claimed.
struct Conversation {
    Investigation investigation;
    Moment not_before = 0;
    bool request_pending = false;
    // The pending request.
    int step = 0;
    Json sent;
    Model model;
    RequestUsage estimate;
    Moment sent_at = 0;
    std::optional<http::Response> response;  // not stored yet, because of a lock
};

// The next action with its input.
struct PreparedAction {
    Model model;
    std::vector<AgentStep> steps;
    AgentAction action;
    RequestUsage estimate;
};

class InvestigationWorker {
  public:
    InvestigationRun Run() {
        for (;;) {
            const pg::Arena arena("pulse investigations");
            if (pg::ReloadIfAsked()) exchange_.Reload();
            if (!pg::settings::send_messages || !pg::settings::run_jobs) return PostponeAll();
            Claim();
            bool moved = false;
            for (auto& [id, conversation] : conversations_)
                if (!conversation.request_pending && !conversation.investigation.finished_at &&
                    conversation.not_before <= pg::WallClock())
                    moved |= Advance(conversation);
            std::erase_if(conversations_,
                          [](const auto& one) { return one.second.investigation.finished_at.has_value(); });
            if (conversations_.empty() && !moved) return End("");
            if (!ExpectsWorkSoon()) return End("");
            ReceiveResponses(moved ? 0 : UntilNext());
        }
    }

  private:
    InvestigationRun End(const std::string& why) {
        InvestigationRun run;
        run.done = done_;
        run.message = Plural(done_, "investigation") + " ended" + (why.empty() ? "" : "; " + why);
        return run;
    }

    // Due investigations are retried after a pause, not in a loop.
    InvestigationRun PostponeAll() {
        const std::string why =
            pg::settings::send_messages ? "pulse.run_jobs is off" : "pulse.send_messages is off";
        InTransaction("pulse: postponing investigations", [&] {
            PostponeDueInvestigations(kDisabledPause, why);
            return 0;
        });
        return End(why);
    }

    void Claim() {
        std::vector<int64_t> mine;
        for (const auto& [id, conversation] : conversations_) mine.push_back(id);
        const auto most =
            static_cast<int64_t>(kMaxConversations - std::min(kMaxConversations, conversations_.size()));
        if (most == 0) return;
        for (Investigation& one : InTransaction("pulse: claiming investigations",
                                                [&] { return ClaimInvestigations(most, mine); })) {
            const int64_t id = one.id;
            conversations_[id].investigation = std::move(one);
        }
    }

    // Whether a response or a retry is expected soon; otherwise the next run of the job continues.
    bool ExpectsWorkSoon() const {
        const Moment now = pg::WallClock();
        return std::any_of(conversations_.begin(), conversations_.end(), [&](const auto& one) {
            return one.second.request_pending || one.second.not_before <= now + kMaxIdleWait;
        });
    }

    long UntilNext() const {
        int64_t left = kPollInterval * 1000;
        for (const auto& [id, conversation] : conversations_)
            if (!conversation.request_pending)
                left = std::min(left, std::max<int64_t>(conversation.not_before - pg::WallClock(), 0));
        return static_cast<long>(left / 1000 + 1);
    }

    // Performs one action of one investigation. An error ends this investigation only.
    bool Advance(Conversation& conversation) {
        try {
            if (!conversation.response) return RunNextAction(conversation);
            RecordResponse(conversation, *conversation.response);
            conversation.response.reset();
        } catch (const pg::Error& error) {
            if (pg::MeantForAll(error)) throw;
            // Retried when the lock is free; the response was paid for and is kept meanwhile.
            if (sqlstate::IsLockFailure(error.State())) {
                conversation.not_before = pg::WallClock() + kSecond;
                return true;
            }
            Abandon(conversation, error.message);
        } catch (const UserError& error) {
            Abandon(conversation, error.message());
        } catch (const std::bad_alloc&) {
            throw;
        } catch (const std::exception& error) {
            Abandon(conversation, std::string("internal error: ") + error.what());
        }
        return true;
    }

    void Abandon(Conversation& conversation, const std::string& reason) {
        InTransaction("pulse: ending an investigation", [&] {
            FailInvestigation(conversation.investigation.id, reason);
            return 0;
        });
        MarkFinished(conversation);
    }

    void MarkFinished(Conversation& conversation) {
        conversation.investigation.finished_at = pg::WallClock();
        ++done_;
    }

    bool RunNextAction(Conversation& conversation) {
        if (conversation.investigation.attempts > kMaxAttempts) {
            Abandon(conversation, "the process ended " + std::to_string(kMaxAttempts) +
                                      " times before the investigation advanced");
            return true;
        }
        const std::optional<PreparedAction> prepared = PrepareAction(conversation);
        if (!prepared) {  // cancelled, or deleted with its incident
            MarkFinished(conversation);
            return true;
        }
        switch (prepared->action.type) {
            case AgentAction::Type::kFail: Abandon(conversation, prepared->action.reason); break;
            case AgentAction::Type::kCallTools: CallTools(conversation, *prepared); break;
            case AgentAction::Type::kCheckAnswer: CheckFinalAnswer(conversation, *prepared); break;
            case AgentAction::Type::kSendRequest: SendRequest(conversation, *prepared); break;
        }
        return true;
    }

    std::optional<PreparedAction> PrepareAction(const Conversation& conversation) {
        const int64_t id = conversation.investigation.id;
        return InTransaction("pulse: reading an investigation", [&]() -> std::optional<PreparedAction> {
            const std::optional<Investigation> now = LoadInvestigation(id);
            if (!now || now->status != "running") return std::nullopt;
            PreparedAction prepared;
            prepared.model = LoadModel(now->model);
            prepared.steps = LoadSteps(id);
            const AgentLimits limits = CurrentLimits();
            const bool first =
                std::none_of(prepared.steps.begin(), prepared.steps.end(),
                             [](const AgentStep& step) { return step.kind == "model" && !step.error; });
            const std::string opening = first ? OpeningMessage(MakeBriefing(now->incident)) : "";
            prepared.action = NextAction(prepared.model, limits, prepared.steps, opening);
            if (prepared.action.type == AgentAction::Type::kSendRequest)
                ApplyBudget(*now, limits, opening, prepared);
            return prepared;
        });
    }

    // Checks the budget before a request. When the budget does not cover a further request, this one asks for
    // the final answer.
    void ApplyBudget(const Investigation& investigation, const AgentLimits& limits,
                     const std::string& opening, PreparedAction& prepared) {
        prepared.estimate = EstimateUsage(prepared.model, prepared.action.body);
        AgentUsage usage = LoadUsage(investigation);
        for (const auto& [id, other] : conversations_) {
            if (!other.request_pending) continue;
            usage.daily_tokens += other.estimate.input_tokens + other.estimate.output_tokens;
            usage.daily_cost += other.estimate.cost;
        }
        const std::string problem = ExceededLimit(limits, usage, prepared.estimate);
        if (!problem.empty()) {
            prepared.action.type = AgentAction::Type::kFail;
            prepared.action.reason = problem;
            return;
        }
        usage.input_tokens += prepared.estimate.input_tokens;
        usage.output_tokens += prepared.estimate.output_tokens;
        usage.cost += prepared.estimate.cost;
        if (ExceededLimit(limits, usage, prepared.estimate).empty()) return;
        prepared.action = NextAction(prepared.model, limits, prepared.steps, opening, true);
        prepared.estimate = EstimateUsage(prepared.model, prepared.action.body);
    }

    void SendRequest(Conversation& conversation, const PreparedAction& prepared) {
        http::Request request = MakeRequest(prepared.model, prepared.action.body);
        conversation.step = prepared.action.step;
        conversation.sent = prepared.action.sent;
        conversation.model = prepared.model;
        conversation.estimate = prepared.estimate;
        conversation.sent_at = pg::WallClock();
        conversation.request_pending = true;
        exchange_.Send(static_cast<uint64_t>(conversation.investigation.id), std::move(request));
    }

    void ReceiveResponses(long milliseconds) {
        if (exchange_.in_flight() == 0 && milliseconds == 0) return;
        for (auto& [number, answer] : exchange_.Wait(milliseconds)) {
            const auto found = conversations_.find(static_cast<int64_t>(number));
            if (found == conversations_.end()) continue;
            Conversation& conversation = found->second;
            conversation.request_pending = false;
            conversation.not_before = 0;
            conversation.response = std::move(answer);
            Advance(conversation);
        }
    }

    // Stores the response and what it cost.
    void RecordResponse(Conversation& conversation, const http::Response& response) {
        AgentResponse read = ReadResponse(conversation.model, conversation.estimate, response);
        AgentStep step{conversation.step, "model", conversation.model.name,
                       conversation.sent, nullptr, std::nullopt};
        step.answered = std::move(read.answered);
        StepUsage usage{conversation.sent_at, response.milliseconds, std::nullopt, std::nullopt, 0};
        if (read.charged) {
            usage.input_tokens = read.charged->input_tokens;
            usage.output_tokens = read.charged->output_tokens;
            usage.cost = read.charged->cost;
        }
        if (!read.replied)
            return HandleFailure(conversation, std::move(step), usage, read.error, read.retry,
                                 response.retry_after);
        const bool still_running = InTransaction("pulse: storing a model's answer", [&] {
            StoreStep(conversation.investigation.id, step, usage);
            return AddUsage(conversation.investigation.id, conversation.step, usage);
        });
        if (!still_running) MarkFinished(conversation);
    }

    void HandleFailure(Conversation& conversation, AgentStep step, const StepUsage& usage,
                       const std::string& error, bool retry, std::optional<int64_t> asked) {
        step.error = error;
        const int64_t id = conversation.investigation.id;
        const int64_t pause = InTransaction("pulse: storing a model's error", [&]() -> int64_t {
            StoreStep(id, step, usage);
            AddUsage(id, 0, usage);
            const int failures = FailuresInARow(LoadSteps(id));
            if (!retry || failures > diagnosis::kMaxRetries) {
                FailInvestigation(id,
                                  failures > 1 ? error + " (" + std::to_string(failures) + " tries)" : error);
                return -1;
            }
            const int64_t wait = RetryPause(failures, asked, RandomFraction());
            PostponeInvestigation(id, wait, "retried: " + error);
            return wait;
        });
        if (pause < 0)
            MarkFinished(conversation);
        else
            conversation.not_before = pg::WallClock() + pause;
    }

    void CallTools(Conversation& conversation, const PreparedAction& prepared) {
        auto number = std::count_if(prepared.steps.begin(), prepared.steps.end(),
                                    [](const AgentStep& step) { return step.kind == "tool"; });
        auto previews = std::count_if(
            prepared.steps.begin(), prepared.steps.end(),
            [](const AgentStep& step) { return step.kind == "tool" && step.name == "preview_count"; });
        for (const ToolCall& call : prepared.action.calls) {
            StepUsage usage;
            usage.started_at = pg::WallClock();
            ToolOutput outcome = CallTool(conversation.investigation.incident, call, previews);
            previews += call.name == "preview_count";
            usage.milliseconds = static_cast<double>(pg::WallClock() - usage.started_at) / 1000;
            ++number;
            Json answered{{"tool", call.name}};
            if (!outcome.error) answered["evidence"] = "t" + std::to_string(number);
            answered[outcome.error ? "error" : "result"] =
                outcome.error ? Json(*outcome.error) : outcome.result;
            Json sent{{"id", call.id}, {"arguments", call.arguments}};
            if (!call.arguments.is_object()) sent["text"] = call.raw;
            InTransaction("pulse: storing a tool's result", [&] {
                StoreStep(
                    conversation.investigation.id,
                    {prepared.action.step, "tool", Short(call.name, 200), sent, answered, outcome.error},
                    usage);
                return 0;
            });
        }
    }

    void CheckFinalAnswer(Conversation& conversation, const PreparedAction& prepared) {
        StepUsage usage;
        usage.started_at = pg::WallClock();
        const auto shown = EvidenceShown(prepared.steps);
        CheckedAnswer checked;
        if (prepared.action.answer) {
            std::set<std::string> ids;
            for (const auto& [id, sentence] : shown) ids.insert(id);
            pg::Transaction transaction("pulse: checking a model's answer");
            {
                const pg::Identity owner = pg::Identity::Owner();
                checked = CheckAnswer(*prepared.action.answer, ids, SqlProblem);
            }
            transaction.Commit();
        } else {
            checked.problems.push_back(prepared.action.problem);
        }
        const int64_t id = conversation.investigation.id;
        if (checked.problems.empty()) {
            Json result = WithEvidence(checked.answer, shown);
            result["model"] = prepared.model.model;
            InTransaction("pulse: ending an investigation", [&] {
                FinishInvestigation(id, result);
                return 0;
            });
            return MarkFinished(conversation);
        }
        usage.milliseconds = static_cast<double>(pg::WallClock() - usage.started_at) / 1000;
        std::string error;
        for (const std::string& problem : checked.problems) error += (error.empty() ? "" : "; ") + problem;
        InTransaction("pulse: storing the problems of an answer", [&] {
            StoreStep(id, {prepared.action.step, "check", "", nullptr, checked.problems, error}, usage);
            return 0;
        });
    }

    http::Exchange exchange_;
    std::map<int64_t, Conversation> conversations_;
    int64_t done_ = 0;
};

}  // namespace

InvestigationRun Investigate() {
    const pg::PlainTransactions plain;
    return InvestigationWorker().Run();
}

}  // namespace pulse::diagnosis
