// Running a job, built in or SQL, and what its errors mean.
#include "pulse/delivery/store.hpp"
#include "pulse/diagnosis/store_agent.hpp"
#include "pulse/health/store.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/pg/transaction.hpp"
#include "pulse/snapshot/store.hpp"
#include "pulse/trait/store_pipeline.hpp"
#include "pulse/worker/store.hpp"

namespace pulse::worker {

namespace {

constexpr int kTries = 5;  // to write down how a run ended, while others lock the tables

// Runs `body` in a transaction of its own as the extension's owner, or just runs it where the caller is.
template <typename Body>
auto Somewhere(bool apart, const char* what, Body body) {
    if (!apart) return body();
    pg::Transaction transaction(what);
    auto result = [&] {
        const pg::Identity identity = pg::Identity::Owner();
        return body();
    }();
    transaction.Commit();
    return result;
}

// What a segment without a snapshot says goes into the run: the retry takes only what is missing.
RunResult Summarize(const std::vector<snapshot::TakeResult>& outcomes) {
    constexpr size_t kNamed = 3;
    RunResult result;
    size_t missing = 0;
    std::string names;
    for (const snapshot::TakeResult& outcome : outcomes) {
        if (outcome.status == "ok") continue;
        if (++missing <= kNamed)
            names += (names.empty() ? "" : "; ") + outcome.segment + " (" +
                     outcome.error.value_or(outcome.status) + ")";
    }
    result.rows = static_cast<int64_t>(outcomes.size() - missing);
    if (missing == 0) return result;
    result.status = "failed";
    result.error = std::to_string(missing) + " of " + std::to_string(outcomes.size()) +
                   " segments were not measured: " + names + (missing > kNamed ? "; …" : "");
    return result;
}

RunResult TakeSnapshots(bool apart) {
    return Summarize(apart ? snapshot::TakeDueInBackground() : snapshot::TakeDue());
}

int64_t Count(bool apart, const char* what, const std::string& call) {
    return Somewhere(apart, what, [&] {
        const pg::Session session;
        return pg::Execute("SELECT count(*) FROM " + pg::VerbSchema() + "." + call)[0].Int8(0);
    });
}

RunResult CheckDrift(bool apart) {
    RunResult result;
    result.rows = Count(apart, "pulse: checking drift", "pulse_check_drift()");
    result.message = std::to_string(*result.rows) + " findings";
    // Each in its transaction: what a check found is kept, whatever becomes of its explanation.
    const int64_t diagnosed = Count(apart, "pulse: diagnosing incidents", "pulse_diagnose_incidents()");
    *result.message += ", " + std::to_string(diagnosed) + " live incidents diagnosed";
    return result;
}

RunResult CheckHealth(bool apart) {
    RunResult result;
    if (!apart) {
        result.rows = Count(apart, "pulse: checking tables", "pulse_check_tables()");
        return result;
    }
    // What could not be checked is told on its check, and is due again by itself: nothing to retry.
    const health::CheckRound round = health::RunDueChecks();
    result.rows = round.checks;
    result.message = std::to_string(round.checks) + " checks of " + std::to_string(round.tables) +
                     " tables, " + std::to_string(round.bad) + " bad, " + std::to_string(round.skipped) +
                     " skipped, " + std::to_string(round.failed) + " failed" +
                     (round.message.empty() ? "" : ": " + round.message);
    return result;
}

// Only ever in a worker: RequireRunnableHere.
RunResult Burst(const Job& job) {
    RunResult result;
    if (job.kind == "delivery") {
        delivery::DeliveryRun sent = delivery::Deliver();
        result.rows = sent.done;
        result.message = std::move(sent.message);
    } else {
        diagnosis::InvestigationRun ended = diagnosis::Investigate();
        result.rows = ended.done;
        result.message = std::move(ended.message);
    }
    return result;
}

RunResult Pipeline(bool apart) {
    RunResult result;
    result.rows = apart ? trait::RunPipelineWorker() : trait::RunPipeline();
    result.message = std::to_string(*result.rows) + " evaluated";
    return result;
}

std::string TooLong(const Job& job) {
    return "it ran longer than its timeout of " + std::to_string(job.timeout / 1000) + " ms";
}

// The command and the record of its success are one transaction: after a crash either both are there or
// neither. Its job is settled after that: whoever locks the job's row does not undo the work.
RunResult RunSql(const Job& job, int64_t run) {
    RunResult result;
    const pg::JobDeadline limit(job.timeout / 1000);
    pg::Transaction transaction(job.command.c_str());
    // Once more for the transaction: pg_advisory_unlock_all() in the command releases what the session holds.
    if (!pg::TryLock("job", job.id)) throw UserError(sqlstate::kLockNotAvailable, "its lock was lost");
    {
        const pg::Session session;
        result.rows = static_cast<int64_t>(pg::Execute(job.command).processed());
        pg::CheckInterrupts();
        // The command may have caught the cancel; the limit holds all the same.
        if (pg::JobDeadline::Expired()) throw UserError(sqlstate::kQueryCanceled, TooLong(job));
    }
    {
        const pg::PlainTransactions plain;
        const pg::Identity identity = pg::Identity::Owner();
        pg::SetLocally("lock_timeout", pg::ShortLockTimeout().c_str());
        const pg::Session session;
        if (!EndRun(run, result)) throw UserError(sqlstate::kNotReady, "it was taken for crashed");
    }
    transaction.Commit();
    return result;
}

// Tries several times; others may lock the tables.
void WriteDown(const std::function<void()>& record) {
    for (int i = 1;; ++i) {
        try {
            RunShortTransaction("pulse: recording a run", record);
            return;
        } catch (const pg::Error& error) {
            const std::string state = error.State();
            if (i == kTries || !sqlstate::IsLockFailure(state)) throw;
        }
    }
}

}  // namespace

RunResult ResultOfError() {
    RunResult result;
    result.status = "failed";
    try {
        throw;
    } catch (const pg::Error& error) {
        result.error_state = error.State();
        result.error = error.detail.empty() ? error.message : error.message + " (" + error.detail + ")";
    } catch (const UserError& error) {
        result.error_state = error.state();
        result.error =
            error.detail().empty() ? error.message() : error.message() + " (" + error.detail() + ")";
    } catch (const std::exception& error) {
        result.error_state = sqlstate::kInternalError;
        result.error = error.what();
    }
    if (result.error_state == sqlstate::kQueryCanceled)
        result.status = pg::JobDeadline::Expired() ? "timed out" : "cancelled";
    return result;
}

void RequireRunnableHere(const Job& job) {
    if (!job.own_lane() || job.kind == "pipeline") return;
    throw UserError(
        sqlstate::kNotSupported, "job \"" + job.name + "\" cannot run in a session",
        "It waits for answers from outside, which no transaction may do.",
        "Its worker runs it as soon as there is something to do: put pulse into shared_preload_libraries, or "
        "SELECT pulse_start().");
}

RunResult RunBuiltIn(const Job& job, bool apart) {
    if (job.kind == "pipeline") return Pipeline(apart);
    if (job.own_lane()) return Burst(job);
    if (job.kind == "snapshots") return TakeSnapshots(apart);
    if (job.kind == "drift") return CheckDrift(apart);
    if (job.kind == "health") return CheckHealth(apart);
    return DeleteOld(apart);
}

void RunClaim(Claim claim) {
    RunResult result;
    bool recorded = false;
    try {
        if (!claim.job.built_in()) {
            result = RunSql(claim.job, claim.run);
            recorded = true;
        } else {
            const pg::JobDeadline limit(claim.job.timeout / 1000);
            result = RunBuiltIn(claim.job, true);
        }
    } catch (...) {
        result = ResultOfError();
        if (result.status == "timed out") result.error = TooLong(claim.job);
    }
    WriteDown([&] {
        if (recorded)
            SettleJob(claim.job, result.status);
        else
            FinishRun(claim.job, claim.run, result);
    });
}

}  // namespace pulse::worker
