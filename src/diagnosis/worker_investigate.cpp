// The job investigations: several at a time, each a conversation that lies in the database, so that it goes
// on from there in any process. No transaction is open while a model thinks.
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "pulse/base/random.hpp"
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

constexpr size_t kAtATime = 4;
constexpr int kMostAttempts = 5;             // processes that took one and died before it got further
constexpr size_t kLongestAnswer = 1 << 20;   // bytes that are read
constexpr size_t kLongestKept = 256 << 10;   // bytes of one that can be used, and is kept whole
constexpr int64_t kPatience = 20 * kSecond;  // how long the process stays for a next try
constexpr int64_t kPause = kMinute;          // while nothing may be sent
constexpr long kLook = 2'000;                // ms between looks at what was queued or cancelled

// A short transaction of ours on Pulse's own tables.
template <typename Body>
auto Within(const char* what, Body body) {
    pg::Transaction transaction(what);
    auto result = [&] {
        const pg::OwnerSession session;
        return body();
    }();
    transaction.Commit();
    return result;
}

// An investigation that this process has taken.
struct Conversation {
    Investigation investigation;
    Moment not_before = 0;
    bool asking = false;
    // The request under way.
    int step = 0;
    Json sent;
    Model model;
    Estimate estimate;
    Moment asked_at = 0;
    std::optional<http::Response> response;  // that could not be written down yet
};

// What the next thing is, with all that is needed to do it.
struct Turn {
    Model model;
    std::vector<Step> steps;
    Plan plan;
    Estimate estimate;
};

class InvestigationWorker {
  public:
    InvestigationRun Run() {
        for (;;) {
            const pg::Arena arena("pulse investigations");
            if (pg::ReloadIfAsked()) exchange_.Reload();
            if (!pg::settings::send_messages || !pg::settings::run_jobs) return Pause();
            Claim();
            bool moved = false;
            for (auto& [id, conversation] : conversations_)
                if (!conversation.asking && !conversation.investigation.finished_at &&
                    conversation.not_before <= pg::WallClock())
                    moved |= Advance(conversation);
            std::erase_if(conversations_,
                          [](const auto& one) { return one.second.investigation.finished_at.has_value(); });
            if (conversations_.empty() && !moved) return End("");
            if (!Patient()) return End("");
            TakeAnswers(moved ? 0 : UntilNext());
        }
    }

  private:
    InvestigationRun End(const std::string& why) {
        InvestigationRun run;
        run.done = done_;
        run.message = std::to_string(done_) +
                      (done_ == 1 ? " investigation ended" : " investigations ended") +
                      (why.empty() ? "" : "; " + why);
        return run;
    }

    // What is due is looked at again in a while, not over and over.
    InvestigationRun Pause() {
        const std::string why =
            pg::settings::send_messages ? "pulse.run_jobs is off" : "pulse.send_messages is off";
        Within("pulse: postponing investigations", [&] {
            PostponeDue(kPause, why);
            return 0;
        });
        return End(why);
    }

    void Claim() {
        std::vector<int64_t> mine;
        for (const auto& [id, conversation] : conversations_) mine.push_back(id);
        const auto most = static_cast<int64_t>(kAtATime - std::min(kAtATime, conversations_.size()));
        if (most == 0) return;
        for (Investigation& one :
             Within("pulse: looking for investigations", [&] { return ClaimInvestigations(most, mine); })) {
            const int64_t id = one.id;
            conversations_[id].investigation = std::move(one);
        }
    }

    // Whether anything happens soon: else the job's next run goes on.
    bool Patient() const {
        const Moment now = pg::WallClock();
        return std::any_of(conversations_.begin(), conversations_.end(), [&](const auto& one) {
            return one.second.asking || one.second.not_before <= now + kPatience;
        });
    }

    long UntilNext() const {
        int64_t left = kLook * 1000;
        for (const auto& [id, conversation] : conversations_)
            if (!conversation.asking)
                left = std::min(left, std::max<int64_t>(conversation.not_before - pg::WallClock(), 0));
        return static_cast<long>(left / 1000 + 1);
    }

    // One thing for one investigation. What goes wrong with it ends it, and no other.
    bool Advance(Conversation& conversation) {
        try {
            if (!conversation.response) return TakeTurn(conversation);
            Take(conversation, *conversation.response);
            conversation.response.reset();
        } catch (const pg::Error& error) {
            if (pg::MeantForAll(error)) throw;
            // A lock that was not to be had is had later; an answer was paid for and is kept meanwhile.
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
        Within("pulse: ending an investigation", [&] {
            Fail(conversation.investigation.id, reason);
            return 0;
        });
        Leave(conversation);
    }

    void Leave(Conversation& conversation) {
        conversation.investigation.finished_at = pg::WallClock();
        ++done_;
    }

    bool TakeTurn(Conversation& conversation) {
        if (conversation.investigation.attempts > kMostAttempts) {
            Abandon(conversation,
                    "its process died " + std::to_string(kMostAttempts) + " times before it got further");
            return true;
        }
        const std::optional<Turn> turn = Prepare(conversation);
        if (!turn) {  // cancelled, or deleted with its incident
            Leave(conversation);
            return true;
        }
        switch (turn->plan.what) {
            case Plan::What::kFail: Abandon(conversation, turn->plan.reason); break;
            case Plan::What::kCall: CallTools(conversation, *turn); break;
            case Plan::What::kCheck: CheckFinalAnswer(conversation, *turn); break;
            case Plan::What::kAsk: Ask(conversation, *turn); break;
        }
        return true;
    }

    std::optional<Turn> Prepare(const Conversation& conversation) {
        const int64_t id = conversation.investigation.id;
        return Within("pulse: reading an investigation", [&]() -> std::optional<Turn> {
            const std::optional<Investigation> now = LoadInvestigation(id);
            if (!now || now->status != "running") return std::nullopt;
            Turn turn;
            turn.model = LoadModel(now->model);
            turn.steps = LoadSteps(id);
            const Limits limits = LimitsNow();
            const bool first = std::none_of(turn.steps.begin(), turn.steps.end(), [](const Step& step) {
                return step.kind == "model" && !step.error;
            });
            const std::string opening = first ? Opening(Brief(now->incident)) : "";
            turn.plan = Next(turn.model, limits, turn.steps, opening);
            if (turn.plan.what == Plan::What::kAsk) Bound(*now, limits, opening, turn);
            return turn;
        });
    }

    // Within the budget, or not at all. Where another round could not be paid, this one is the last.
    void Bound(const Investigation& investigation, const Limits& limits, const std::string& opening,
               Turn& turn) {
        turn.estimate = EstimateRequest(turn.model, turn.plan.body);
        Spent spent = SpentOf(investigation);
        for (const auto& [id, other] : conversations_) {
            if (!other.asking) continue;
            spent.daily_tokens += other.estimate.input_tokens + other.estimate.output_tokens;
            spent.daily_cost += other.estimate.cost;
        }
        const std::string problem = OverBudget(limits, spent, turn.estimate);
        if (!problem.empty()) {
            turn.plan.what = Plan::What::kFail;
            turn.plan.reason = problem;
            return;
        }
        spent.input_tokens += turn.estimate.input_tokens;
        spent.output_tokens += turn.estimate.output_tokens;
        spent.cost += turn.estimate.cost;
        if (OverBudget(limits, spent, turn.estimate).empty()) return;
        turn.plan = Next(turn.model, limits, turn.steps, opening, true);
        turn.estimate = EstimateRequest(turn.model, turn.plan.body);
    }

    void Ask(Conversation& conversation, const Turn& turn) {
        http::Request request;
        request.url = turn.model.url;
        request.headers = Headers(turn.model);
        request.body = turn.plan.body;
        request.connect_timeout = turn.model.connect_timeout;
        request.timeout = turn.model.timeout;
        request.max_answer = kLongestAnswer;
        request.ca_file = turn.model.ca_file;
        if (!turn.model.api_key.empty()) request.secrets.push_back(turn.model.api_key);
        conversation.step = turn.plan.step;
        conversation.sent = turn.plan.sent;
        conversation.model = turn.model;
        conversation.estimate = turn.estimate;
        conversation.asked_at = pg::WallClock();
        conversation.asking = true;
        exchange_.Send(static_cast<uint64_t>(conversation.investigation.id), std::move(request));
    }

    void TakeAnswers(long milliseconds) {
        if (exchange_.in_flight() == 0 && milliseconds == 0) return;
        for (auto& [number, answer] : exchange_.Wait(milliseconds)) {
            const auto found = conversations_.find(static_cast<int64_t>(number));
            if (found == conversations_.end()) continue;
            Conversation& conversation = found->second;
            conversation.asking = false;
            conversation.not_before = 0;
            conversation.response = std::move(answer);
            Advance(conversation);
        }
    }

    // Writes down what came, and what it cost.
    void Take(Conversation& conversation, const http::Response& response) {
        Step step{conversation.step, "model", conversation.model.name,
                  conversation.sent, nullptr, std::nullopt};
        StepTimes times{conversation.asked_at, response.milliseconds, std::nullopt, std::nullopt, 0};
        const std::optional<Json> body = ParseModelJson(response.body);
        std::string error;
        std::optional<Reply> reply;
        const bool too_long = response.body.size() > kLongestKept;
        bool retry = true;
        if (!response.ok()) {
            const Fault fault = ReadFault(response.status, response.body);
            error = response.error.empty() ? fault.reason : response.error;
            // What came whole says by its status whether another try may help.
            retry = response.error.empty() ? fault.retry : !response.forbidden;
        } else if (too_long) {
            error = "the model's server answered more than " + std::to_string(kLongestKept >> 10) + " kB";
            retry = false;
        } else if (!body) {
            error = "the model's server answered something that is no JSON";
        } else {
            reply = ReadReply(conversation.model.protocol, *body, 1, error);
        }
        step.answered = body && !too_long       ? *body
                        : response.body.empty() ? Json()
                                                : Json(Beginning(response.body));
        // What is refused by its status was answered by no model; all else may have been, whatever came of it
        // here.
        if (reply || (response.sent && (!response.error.empty() || response.status < 400))) {
            const Estimate used = Charge(conversation.model, conversation.estimate, reply ? &*reply : nullptr,
                                         response.body.size());
            times.input_tokens = used.input_tokens;
            times.output_tokens = used.output_tokens;
            times.cost = used.cost;
        }
        if (!reply) return Stumble(conversation, std::move(step), times, error, retry, response.retry_after);
        const bool goes_on = Within("pulse: keeping a model's answer", [&] {
            KeepStep(conversation.investigation.id, step, times);
            return KeepUse(conversation.investigation.id, conversation.step, times);
        });
        if (!goes_on) Leave(conversation);
    }

    // What is no JSON may be no text of the database either.
    static std::string Beginning(const std::string& body) {
        std::string text = body.substr(0, 2000) + (body.size() > 2000 ? " (cut)" : "");
        for (char& c : text)
            if (static_cast<unsigned char>(c) >= 0x7f || (c < ' ' && c != '\n')) c = '?';
        return text;
    }

    void Stumble(Conversation& conversation, Step step, const StepTimes& times, const std::string& error,
                 bool retry, std::optional<int64_t> asked) {
        step.error = error;
        const int64_t id = conversation.investigation.id;
        const int64_t pause = Within("pulse: keeping a model's failure", [&]() -> int64_t {
            KeepStep(id, step, times);
            KeepUse(id, 0, times);
            const int failures = FailuresInARow(LoadSteps(id));
            if (!retry || failures > diagnosis::kMostRetries) {
                Fail(id, failures > 1 ? error + " (" + std::to_string(failures) + " tries)" : error);
                return -1;
            }
            const int64_t wait = RetryPause(failures, asked, RandomFraction());
            Postpone(id, wait, "tried again: " + error);
            return wait;
        });
        if (pause < 0)
            Leave(conversation);
        else
            conversation.not_before = pg::WallClock() + pause;
    }

    void CallTools(Conversation& conversation, const Turn& turn) {
        auto number = std::count_if(turn.steps.begin(), turn.steps.end(),
                                    [](const Step& step) { return step.kind == "tool"; });
        auto previews = std::count_if(turn.steps.begin(), turn.steps.end(), [](const Step& step) {
            return step.kind == "tool" && step.name == "preview_count";
        });
        for (const ToolCall& call : turn.plan.calls) {
            StepTimes times;
            times.started_at = pg::WallClock();
            ToolOutcome outcome = CallTool(conversation.investigation.incident, call, previews);
            previews += call.name == "preview_count";
            times.milliseconds = static_cast<double>(pg::WallClock() - times.started_at) / 1000;
            ++number;
            Json answered{{"tool", call.name}};
            if (!outcome.error) answered["evidence"] = "t" + std::to_string(number);
            answered[outcome.error ? "error" : "result"] =
                outcome.error ? Json(*outcome.error) : outcome.result;
            Json sent{{"id", call.id}, {"arguments", call.arguments}};
            if (!call.arguments.is_object()) sent["text"] = call.raw;
            Within("pulse: keeping a tool's result", [&] {
                KeepStep(conversation.investigation.id,
                         {turn.plan.step, "tool", Short(call.name, 200), sent, answered, outcome.error},
                         times);
                return 0;
            });
        }
    }

    void CheckFinalAnswer(Conversation& conversation, const Turn& turn) {
        StepTimes times;
        times.started_at = pg::WallClock();
        const auto shown = EvidenceShown(turn.steps);
        CheckedAnswer checked;
        if (turn.plan.answer) {
            std::set<std::string> ids;
            for (const auto& [id, sentence] : shown) ids.insert(id);
            pg::Transaction transaction("pulse: checking a model's answer");
            {
                const pg::Identity owner = pg::Identity::Owner();
                checked = CheckAnswer(*turn.plan.answer, ids, SqlProblem);
            }
            transaction.Commit();
        } else {
            checked.problems.push_back(turn.plan.problem);
        }
        const int64_t id = conversation.investigation.id;
        if (checked.problems.empty()) {
            Json result = WithEvidence(checked.answer, shown);
            result["model"] = turn.model.model;
            Within("pulse: ending an investigation", [&] {
                Finish(id, result);
                return 0;
            });
            return Leave(conversation);
        }
        times.milliseconds = static_cast<double>(pg::WallClock() - times.started_at) / 1000;
        std::string error;
        for (const std::string& problem : checked.problems) error += (error.empty() ? "" : "; ") + problem;
        Within("pulse: keeping what is wrong with an answer", [&] {
            KeepStep(id, {turn.plan.step, "check", "", nullptr, checked.problems, error}, times);
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
