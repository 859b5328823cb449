// The job automations: causes, actions, and what has waited for too long.
#include <algorithm>

#include "pulse/base/number.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/job_kind.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/pg/transaction.hpp"
#include "pulse/trust/store_action.hpp"
#include "pulse/trust/store_automation.hpp"
#include "pulse/trust/store_automation_job.hpp"

namespace pulse::trust {

namespace {

using pg::Value;

constexpr int64_t kMostAtOnce = 1000;

// One unit of work: in a worker in a transaction of its own, else in a subtransaction. What fails changes
// nothing, and does not stop the rest.
class Runner {
  public:
    explicit Runner(bool in_worker) : in_worker_(in_worker) {}

    // `failed` gets the message of an error, in a unit of work of its own.
    template <typename Body, typename Failed>
    bool Try(const char* what, Body body, Failed failed) {
        const int64_t before = failed_;
        const bool changed = Attempt(what, body);
        if (failed_ == before) return changed;
        const std::string message = newest_;
        Attempt(what, [&] {
            failed(message);
            return false;
        });
        return false;
    }
    template <typename Body>
    bool Try(const char* what, Body body) {
        return Attempt(what, body);
    }

    int64_t failed() const { return failed_; }
    const std::string& first() const { return first_; }

  private:
    template <typename Body>
    bool Attempt(const char* what, Body body) {
        bool changed = false;
        try {
            if (in_worker_) {
                pg::Transaction transaction(what);
                {
                    const pg::OwnerSession session;
                    changed = body();
                }
                transaction.Commit();
            } else {
                pg::Subtransaction subtransaction;
                {
                    const pg::OwnerSession session;
                    changed = body();
                }
                subtransaction.Commit();
            }
            return changed;
        } catch (const pg::Error& error) {
            if (pg::MeantForAll(error)) throw;
            Note(error.message);
        } catch (const UserError& error) {
            Note(error.message());
        }
        return false;
    }

    void Note(const std::string& message) {
        if (failed_++ == 0) first_ = message;
        newest_ = message;
    }

    bool in_worker_;
    int64_t failed_ = 0;
    std::string first_, newest_;
};

std::vector<int64_t> Collect(Runner& runner, std::vector<int64_t> (*find)(int64_t)) {
    std::vector<int64_t> ids;
    runner.Try("pulse: looking for actions", [&] {
        ids = find(kMostAtOnce);
        return false;
    });
    return ids;
}

// `postpone`: what to do with one that fails, so that it keeps no other waiting.
void RunEach(Runner& runner, int64_t& changed, const std::vector<int64_t>& ids, const char* what,
             bool (*handle)(int64_t), void (*postpone)(int64_t, const std::string&)) {
    for (const int64_t id : ids) {
        pg::CheckInterrupts();
        changed += runner.Try(
                       what, [&] { return handle(id); }, [&](const std::string& why) { postpone(id, why); })
                       ? 1
                       : 0;
    }
}

void Actions(Runner& runner, int64_t& changed) {
    RunEach(runner, changed, Collect(runner, ExpiredActions), "pulse: ending an action", ExpireAction,
            PostponeAction);
    runner.Try("pulse: ending tokens", [] {
        EndOldTokens();
        return false;
    });
    RunEach(runner, changed, Collect(runner, ActionsToApply), "pulse: carrying out an action", ApplyNow,
            PostponeAction);
}

RunResult Report(const Runner& runner, int64_t changed) {
    RunResult result;
    result.rows = changed;
    result.message = Plural(changed, "step");
    if (runner.failed() > 0) {
        result.status = "failed";
        result.error = Plural(runner.failed(), "failure") + ", first: " + runner.first();
    }
    return result;
}

RunResult RunAutomationsJob(bool in_worker) {
    return RunAutomations(in_worker);
}

Moment AutomationsDue() {
    const std::optional<Moment> action = NextActionDue(), cause = NextCauseDue();
    const Moment due = std::min(action.value_or(pg::kNever), cause.value_or(pg::kNever));
    // Nothing but the end of what has waited for too long happens meanwhile.
    return WhyFrozen("") && due != pg::kNever ? std::max(due, pg::WallClock() + kMinute) : due;
}

void ReportAutomations(pg::StatusReport& report) {
    const pg::Result rows = pg::Execute(
        "SELECT count(*) FILTER (WHERE state = 'pending' AND needs IN ('approval', 'confirmation', 'decision')"
        " AND level <> 'suggest'), count(*) FILTER (WHERE needs = 'health'), count(*) FILTER (WHERE state = 'approved'"
        " AND coalesce(retry_at, created_at) < $1), min(created_at) FILTER (WHERE state = 'approved'"
        " AND coalesce(retry_at, created_at) < $1) FROM pulse.action"
        " WHERE state IN ('pending', 'approved', 'applying')",
        {Value::Time(pg::Now() - 5 * kMinute)});
    report.AddQueue("overdue actions", rows[0].Int8(2), rows[0].TimeOrNull(3));
    report.Add("waiting actions", "ok", std::to_string(rows[0].Int8(0) + rows[0].Int8(1)),
               rows[0].Int8(0) == 0 && rows[0].Int8(1) == 0
                   ? ""
                   : std::to_string(rows[0].Int8(0)) + " for a person, " + std::to_string(rows[0].Int8(1)) +
                         " for the gate");
}

int64_t DeleteEndedActions(Moment, int64_t rows) {
    const Moment now = pg::Now();
    return static_cast<int64_t>(
        pg::Execute("DELETE FROM pulse.action WHERE id = ANY (ARRAY(SELECT a.id FROM pulse.action AS a"
                    " WHERE a.finished_at < $1 AND (a.overridden_by IS NULL OR a.finished_at < $2)"
                    " ORDER BY a.finished_at LIMIT $3))",
                    {Value::Time(now - 365 * kDay), Value::Time(now - 730 * kDay), Value::Int8(rows)})
            .processed());
}

int64_t DeleteHandledTriggers(Moment, int64_t rows) {
    return static_cast<int64_t>(
        pg::Execute("DELETE FROM pulse.automation_trigger WHERE id = ANY (ARRAY(SELECT t.id"
                    " FROM pulse.automation_trigger AS t WHERE t.at < $1 AND t.status <> 'waiting'"
                    " ORDER BY t.at LIMIT $2))",
                    {Value::Time(pg::Now() - 365 * kDay), Value::Int8(rows)})
            .processed());
}

const pg::JobKind kAutomationsJob{
    .id = 14,
    .name = "automations",
    .description = "Proposes the actions of automations, and carries out what may be carried out.",
    .schedule = "5 seconds",
    .retry_delay = "1 minute",
    .next_due = AutomationsDue,
    .pause_after_success = true,
    .run = RunAutomationsJob,
    .status = {{.order = 55, .add = ReportAutomations}},
    .retention = {{.order = 180, .what = "actions", .work = DeleteEndedActions},
                  {.order = 181, .what = "causes of automations", .work = DeleteHandledTriggers}}};

[[maybe_unused]] const bool automations_job_registered = pg::RegisterJobKind(kAutomationsJob);

}  // namespace

RunResult RunAutomations(bool in_worker) {
    Runner runner(in_worker);
    int64_t changed = 0;
    RunEach(runner, changed, Collect(runner, [](int64_t) { return AutomationsToCheck(); }),
            "pulse: looking for causes", LookForCause, NoteChecked);
    RunEach(runner, changed, Collect(runner, WaitingTriggers), "pulse: proposing an action", HandleTrigger,
            PostponeTrigger);
    Actions(runner, changed);
    return Report(runner, changed);
}

RunResult RunActions() {
    Runner runner(false);
    int64_t changed = 0;
    Actions(runner, changed);
    return Report(runner, changed);
}

}  // namespace pulse::trust
