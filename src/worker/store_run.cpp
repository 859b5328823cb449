// Running a job, built in or SQL, and what its errors mean.
#include "pulse/pg/background.hpp"
#include "pulse/pg/citus.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/pg/transaction.hpp"
#include "pulse/worker/store.hpp"

namespace pulse::worker {

namespace {

constexpr int kTries = 5;  // attempts to record the end of a run while other sessions lock the tables

std::string TooLong(const Job& job) {
    return "it ran longer than its timeout of " + std::to_string(job.timeout / 1000) + " ms";
}

// The command and the record of its success are one transaction: after a crash both exist or neither. The job
// is settled afterwards, so that a session that locks the job's row cannot undo the work.
RunResult RunSql(const Job& job, int64_t run) {
    RunResult result;
    const pg::JobDeadline limit(job.timeout / 1000);
    pg::Transaction transaction(job.command.c_str());
    // Once more for the transaction: pg_advisory_unlock_all() in the command releases what the session holds.
    if (!pg::TryLock("job", job.id)) throw UserError(sqlstate::kLockNotAvailable, "the job lost its lock");
    {
        const pg::Session session;
        result.rows = static_cast<int64_t>(pg::Execute(job.command).processed());
        pg::CheckInterrupts();
        // The command may have caught the cancel request; the limit still applies.
        if (pg::JobDeadline::Expired()) throw UserError(sqlstate::kQueryCanceled, TooLong(job));
    }
    {
        const pg::PlainTransactions plain;
        const pg::Identity identity = pg::Identity::Owner();
        pg::SetLocally("lock_timeout", pg::ShortLockTimeout().c_str());
        const pg::Session session;
        if (!EndRun(run, result))
            throw UserError(sqlstate::kNotReady, "the run was recorded as crashed before it ended");
    }
    transaction.Commit();
    return result;
}

// Several attempts, since other sessions may lock the tables.
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
    if (!job.built_in_kind || job.built_in_kind->runs_in_session) return;
    throw UserError(
        sqlstate::kNotSupported, "job \"" + job.name + "\" cannot run in a session",
        "It begins transactions of its own, so that none is open while it waits.",
        "Its worker runs it as soon as there is something to do: put pulse into shared_preload_libraries, or "
        "SELECT pulse_start().");
}

RunResult RunBuiltIn(const Job& job, bool in_worker) {
    if (!job.built_in_kind)
        throw UserError(sqlstate::kNotSupported, "unknown kind of job \"" + job.kind + "\"");
    if (in_worker) {
        pg::Transaction transaction("pulse: beginning a job");
        pg::RequireUndistributed();
        transaction.Commit();
    }
    return job.built_in_kind->run(in_worker);
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
