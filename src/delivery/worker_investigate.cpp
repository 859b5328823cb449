// The job investigations: several at a time, each a conversation that lies in the database, so that it goes
// on from there in any process. No transaction is open while a model thinks.
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "pulse/base/random.hpp"
#include "pulse/delivery/store.hpp"
#include "pulse/delivery/worker_exchange.hpp"
#include "pulse/diagnosis/store_agent.hpp"
#include "pulse/diagnosis/text.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/memory.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/pg/transaction.hpp"

namespace pulse::delivery {

namespace {

using diagnosis::Investigation;
using AgentPlan = diagnosis::Plan;
using diagnosis::Step;
using diagnosis::StepTimes;

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
        const pg::Identity owner = pg::Identity::Owner();
        const pg::Session session;
        return body();
    }();
    transaction.Commit();
    return result;
}

// An investigation that this process has taken.
struct Flight {
    Investigation investigation;
    Moment not_before = 0;
    bool asking = false;
    // The request under way.
    int step = 0;
    diagnosis::Json sent;
    diagnosis::Model model;
    diagnosis::Estimate estimate;
    Moment asked_at = 0;
    std::optional<Answer> answer;  // that could not be written down yet
};

// What the next thing is, with all that is needed to do it.
struct Turn {
    diagnosis::Model model;
    std::vector<Step> steps;
    AgentPlan plan;
    diagnosis::Estimate estimate;
};

class Desk {
  public:
    Burst Run() {
        for (;;) {
            const pg::Arena arena("pulse investigations");
            if (pg::ReloadIfAsked()) exchange_.Reload();
            if (!pg::settings::send_messages || !pg::settings::run_jobs) return Pause();
            Claim();
            bool moved = false;
            for (auto& [id, flight] : flights_)
                if (!flight.asking && !flight.investigation.finished_at &&
                    flight.not_before <= pg::WallClock())
                    moved |= Advance(flight);
            std::erase_if(flights_,
                          [](const auto& one) { return one.second.investigation.finished_at.has_value(); });
            if (flights_.empty() && !moved) return End("");
            if (!Patient()) return End("");
            TakeAnswers(moved ? 0 : UntilNext());
        }
    }

  private:
    Burst End(const std::string& why) {
        Burst burst;
        burst.done = done_;
        burst.message = std::to_string(done_) +
                        (done_ == 1 ? " investigation ended" : " investigations ended") +
                        (why.empty() ? "" : "; " + why);
        return burst;
    }

    // What is due is looked at again in a while, not over and over.
    Burst Pause() {
        const std::string why =
            pg::settings::send_messages ? "pulse.run_jobs is off" : "pulse.send_messages is off";
        Within("pulse: postponing investigations", [&] {
            diagnosis::PostponeDue(kPause, why);
            return 0;
        });
        return End(why);
    }

    void Claim() {
        std::vector<int64_t> mine;
        for (const auto& [id, flight] : flights_) mine.push_back(id);
        const auto most = static_cast<int64_t>(kAtATime - std::min(kAtATime, flights_.size()));
        if (most == 0) return;
        for (Investigation& one : Within("pulse: looking for investigations",
                                         [&] { return diagnosis::ClaimInvestigations(most, mine); })) {
            const int64_t id = one.id;
            flights_[id].investigation = std::move(one);
        }
    }

    // Whether anything happens soon: else the job's next run goes on.
    bool Patient() const {
        const Moment now = pg::WallClock();
        return std::any_of(flights_.begin(), flights_.end(), [&](const auto& one) {
            return one.second.asking || one.second.not_before <= now + kPatience;
        });
    }

    long UntilNext() const {
        int64_t left = kLook * 1000;
        for (const auto& [id, flight] : flights_)
            if (!flight.asking)
                left = std::min(left, std::max<int64_t>(flight.not_before - pg::WallClock(), 0));
        return static_cast<long>(left / 1000 + 1);
    }

    // One thing for one investigation. What goes wrong with it ends it, and no other.
    bool Advance(Flight& flight) {
        try {
            if (!flight.answer) return TakeTurn(flight);
            Take(flight, *flight.answer);
            flight.answer.reset();
        } catch (const pg::Error& error) {
            if (pg::MeantForAll(error)) throw;
            // A lock that was not to be had is had later; an answer was paid for and is kept meanwhile.
            if (error.State() == sqlstate::kLockNotAvailable || error.State() == "40P01") {
                flight.not_before = pg::WallClock() + kSecond;
                return true;
            }
            Fail(flight, error.message);
        } catch (const UserError& error) {
            Fail(flight, error.message());
        } catch (const std::bad_alloc&) {
            throw;
        } catch (const std::exception& error) {
            Fail(flight, std::string("internal error: ") + error.what());
        }
        return true;
    }

    void Fail(Flight& flight, const std::string& reason) {
        Within("pulse: ending an investigation", [&] {
            diagnosis::Fail(flight.investigation.id, reason);
            return 0;
        });
        Leave(flight);
    }

    void Leave(Flight& flight) {
        flight.investigation.finished_at = pg::WallClock();
        ++done_;
    }

    bool TakeTurn(Flight& flight) {
        if (flight.investigation.attempts > kMostAttempts) {
            Fail(flight,
                 "its process died " + std::to_string(kMostAttempts) + " times before it got further");
            return true;
        }
        const std::optional<Turn> turn = Prepare(flight);
        if (!turn) {  // cancelled, or deleted with its incident
            Leave(flight);
            return true;
        }
        switch (turn->plan.what) {
            case AgentPlan::What::kFail: Fail(flight, turn->plan.reason); break;
            case AgentPlan::What::kCall: CallTools(flight, *turn); break;
            case AgentPlan::What::kCheck: CheckAnswer(flight, *turn); break;
            case AgentPlan::What::kAsk: Ask(flight, *turn); break;
        }
        return true;
    }

    std::optional<Turn> Prepare(const Flight& flight) {
        const int64_t id = flight.investigation.id;
        return Within("pulse: reading an investigation", [&]() -> std::optional<Turn> {
            const std::optional<Investigation> now = diagnosis::LoadInvestigation(id);
            if (!now || now->status != "running") return std::nullopt;
            Turn turn;
            turn.model = diagnosis::LoadModel(now->model);
            turn.steps = diagnosis::LoadSteps(id);
            const diagnosis::Limits limits = diagnosis::LimitsNow();
            const bool first = std::none_of(turn.steps.begin(), turn.steps.end(), [](const Step& step) {
                return step.kind == "model" && !step.error;
            });
            const std::string opening = first ? diagnosis::Opening(diagnosis::Brief(now->incident)) : "";
            turn.plan = diagnosis::Next(turn.model, limits, turn.steps, opening);
            if (turn.plan.what == AgentPlan::What::kAsk) Bound(*now, limits, opening, turn);
            return turn;
        });
    }

    // Within the budget, or not at all. Where another round could not be paid, this one is the last.
    void Bound(const Investigation& investigation, const diagnosis::Limits& limits,
               const std::string& opening, Turn& turn) {
        turn.estimate = diagnosis::EstimateRequest(turn.model, turn.plan.body);
        diagnosis::Spent spent = diagnosis::SpentOf(investigation);
        for (const auto& [id, other] : flights_) {
            if (!other.asking) continue;
            spent.daily_tokens += other.estimate.input_tokens + other.estimate.output_tokens;
            spent.daily_cost += other.estimate.cost;
        }
        const std::string problem = diagnosis::OverBudget(limits, spent, turn.estimate);
        if (!problem.empty()) {
            turn.plan.what = AgentPlan::What::kFail;
            turn.plan.reason = problem;
            return;
        }
        spent.input_tokens += turn.estimate.input_tokens;
        spent.output_tokens += turn.estimate.output_tokens;
        spent.cost += turn.estimate.cost;
        if (diagnosis::OverBudget(limits, spent, turn.estimate).empty()) return;
        turn.plan = diagnosis::Next(turn.model, limits, turn.steps, opening, true);
        turn.estimate = diagnosis::EstimateRequest(turn.model, turn.plan.body);
    }

    void Ask(Flight& flight, const Turn& turn) {
        Request request;
        request.url = turn.model.url;
        request.headers = diagnosis::Headers(turn.model);
        request.body = turn.plan.body;
        request.connect_timeout = turn.model.connect_timeout;
        request.timeout = turn.model.timeout;
        request.max_answer = kLongestAnswer;
        request.ca_file = turn.model.ca_file;
        if (!turn.model.api_key.empty()) request.secrets.push_back(turn.model.api_key);
        flight.step = turn.plan.step;
        flight.sent = turn.plan.sent;
        flight.model = turn.model;
        flight.estimate = turn.estimate;
        flight.asked_at = pg::WallClock();
        flight.asking = true;
        exchange_.Send(static_cast<uint64_t>(flight.investigation.id), std::move(request));
    }

    void TakeAnswers(long milliseconds) {
        if (exchange_.in_flight() == 0 && milliseconds == 0) return;
        for (auto& [number, answer] : exchange_.Wait(milliseconds)) {
            const auto found = flights_.find(static_cast<int64_t>(number));
            if (found == flights_.end()) continue;
            Flight& flight = found->second;
            flight.asking = false;
            flight.not_before = 0;
            flight.answer = std::move(answer);
            Advance(flight);
        }
    }

    // Writes down what came, and what it cost.
    void Take(Flight& flight, const Answer& answer) {
        Step step{flight.step, "model", flight.model.name, flight.sent, nullptr, std::nullopt};
        StepTimes times{flight.asked_at, answer.milliseconds, std::nullopt, std::nullopt, 0};
        const std::optional<diagnosis::Json> body = diagnosis::ParseModelJson(answer.body);
        std::string error;
        std::optional<diagnosis::Reply> reply;
        const bool too_long = answer.body.size() > kLongestKept;
        bool retry = true;
        if (!answer.ok()) {
            const diagnosis::Fault fault = diagnosis::ReadFault(answer.status, answer.body);
            error = answer.error.empty() ? fault.reason : answer.error;
            // What came whole says by its status whether another try may help.
            retry = answer.error.empty() ? fault.retry : !answer.forbidden;
        } else if (too_long) {
            error = "the model's server answered more than " + std::to_string(kLongestKept >> 10) + " kB";
            retry = false;
        } else if (!body) {
            error = "the model's server answered something that is no JSON";
        } else {
            reply = diagnosis::ReadReply(flight.model.protocol, *body, 1, error);
        }
        step.answered = body && !too_long     ? *body
                        : answer.body.empty() ? diagnosis::Json()
                                              : diagnosis::Json(Beginning(answer.body));
        // What is refused by its status was answered by no model; all else may have been, whatever came of it
        // here.
        if (reply || (answer.sent && (!answer.error.empty() || answer.status < 400))) {
            const diagnosis::Estimate used = diagnosis::Charge(flight.model, flight.estimate,
                                                               reply ? &*reply : nullptr, answer.body.size());
            times.input_tokens = used.input_tokens;
            times.output_tokens = used.output_tokens;
            times.cost = used.cost;
        }
        if (!reply) return Stumble(flight, std::move(step), times, error, retry, answer.retry_after);
        const bool goes_on = Within("pulse: keeping a model's answer", [&] {
            diagnosis::KeepStep(flight.investigation.id, step, times);
            return diagnosis::KeepUse(flight.investigation.id, flight.step, times);
        });
        if (!goes_on) Leave(flight);
    }

    // What is no JSON may be no text of the database either.
    static std::string Beginning(const std::string& body) {
        std::string text = body.substr(0, 2000) + (body.size() > 2000 ? " (cut)" : "");
        for (char& c : text)
            if (static_cast<unsigned char>(c) >= 0x7f || (c < ' ' && c != '\n')) c = '?';
        return text;
    }

    void Stumble(Flight& flight, Step step, const StepTimes& times, const std::string& error, bool retry,
                 std::optional<int64_t> asked) {
        step.error = error;
        const int64_t id = flight.investigation.id;
        const int64_t pause = Within("pulse: keeping a model's failure", [&]() -> int64_t {
            diagnosis::KeepStep(id, step, times);
            diagnosis::KeepUse(id, 0, times);
            const int failures = diagnosis::FailuresInARow(diagnosis::LoadSteps(id));
            if (!retry || failures > diagnosis::kMostRetries) {
                diagnosis::Fail(id,
                                failures > 1 ? error + " (" + std::to_string(failures) + " tries)" : error);
                return -1;
            }
            const int64_t wait = diagnosis::RetryPause(failures, asked, RandomFraction());
            diagnosis::Postpone(id, wait, "tried again: " + error);
            return wait;
        });
        if (pause < 0)
            Leave(flight);
        else
            flight.not_before = pg::WallClock() + pause;
    }

    void CallTools(Flight& flight, const Turn& turn) {
        auto number = std::count_if(turn.steps.begin(), turn.steps.end(),
                                    [](const Step& step) { return step.kind == "tool"; });
        auto previews = std::count_if(turn.steps.begin(), turn.steps.end(), [](const Step& step) {
            return step.kind == "tool" && step.name == "preview_count";
        });
        for (const diagnosis::ToolCall& call : turn.plan.calls) {
            StepTimes times;
            times.started_at = pg::WallClock();
            diagnosis::ToolOutcome outcome =
                diagnosis::CallTool(flight.investigation.incident, call, previews);
            previews += call.name == "preview_count";
            times.milliseconds = static_cast<double>(pg::WallClock() - times.started_at) / 1000;
            ++number;
            diagnosis::Json answered{{"tool", call.name}};
            if (!outcome.error) answered["evidence"] = "t" + std::to_string(number);
            answered[outcome.error ? "error" : "result"] =
                outcome.error ? diagnosis::Json(*outcome.error) : outcome.result;
            diagnosis::Json sent{{"id", call.id}, {"arguments", call.arguments}};
            if (!call.arguments.is_object()) sent["text"] = call.raw;
            Within("pulse: keeping a tool's result", [&] {
                diagnosis::KeepStep(
                    flight.investigation.id,
                    {turn.plan.step, "tool", diagnosis::Short(call.name, 200), sent, answered, outcome.error},
                    times);
                return 0;
            });
        }
    }

    void CheckAnswer(Flight& flight, const Turn& turn) {
        StepTimes times;
        times.started_at = pg::WallClock();
        const auto shown = diagnosis::EvidenceShown(turn.steps);
        diagnosis::CheckedAnswer checked;
        if (turn.plan.answer) {
            std::set<std::string> ids;
            for (const auto& [id, sentence] : shown) ids.insert(id);
            pg::Transaction transaction("pulse: checking a model's answer");
            {
                const pg::Identity owner = pg::Identity::Owner();
                checked = diagnosis::CheckAnswer(*turn.plan.answer, ids, diagnosis::SqlProblem);
            }
            transaction.Commit();
        } else {
            checked.problems.push_back(turn.plan.problem);
        }
        const int64_t id = flight.investigation.id;
        if (checked.problems.empty()) {
            diagnosis::Json result = diagnosis::WithEvidence(checked.answer, shown);
            result["model"] = turn.model.model;
            Within("pulse: ending an investigation", [&] {
                diagnosis::Finish(id, result);
                return 0;
            });
            return Leave(flight);
        }
        times.milliseconds = static_cast<double>(pg::WallClock() - times.started_at) / 1000;
        std::string error;
        for (const std::string& problem : checked.problems) error += (error.empty() ? "" : "; ") + problem;
        Within("pulse: keeping what is wrong with an answer", [&] {
            diagnosis::KeepStep(id, {turn.plan.step, "check", "", nullptr, checked.problems, error}, times);
            return 0;
        });
    }

    Exchange exchange_;
    std::map<int64_t, Flight> flights_;
    int64_t done_ = 0;
};

}  // namespace

Burst Investigate() {
    const pg::PlainTransactions plain;
    return Desk().Run();
}

}  // namespace pulse::delivery
