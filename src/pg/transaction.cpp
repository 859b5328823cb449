#include "pulse/pg/transaction.hpp"

extern "C" {
#include "access/parallel.h"
#include "access/xlog.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "utils/snapmgr.h"
}

namespace pulse::pg {

Transaction::Transaction(const char* what) : context_(CurrentMemoryContext) {
    Call([&] {
        SetCurrentStatementStartTimestamp();
        StartTransactionCommand();
        PushActiveSnapshot(GetTransactionSnapshot());
        pgstat_report_activity(STATE_RUNNING, what);
    });
}

void Transaction::Commit() {
    if (detail::aborting)
        throw std::logic_error("commit of a transaction in which an error of PostgreSQL was swallowed");
    Call([] {
        PopActiveSnapshot();
        CommitTransactionCommand();
    });
    open_ = false;
    MemoryContextSwitchTo(context_);
    Call([] {
        // Otherwise autovacuum does not learn of a worker's writes.
        pgstat_report_stat(false);
        pgstat_report_activity(STATE_IDLE, nullptr);
    });
}

Transaction::~Transaction() {
    if (!open_) return;
    // A rollback raises errors only in a state that ends in FATAL; a destructor must not throw.
    AbortCurrentTransaction();
    MemoryContextSwitchTo(context_);
    detail::aborting = false;
    pgstat_report_activity(STATE_IDLE, nullptr);
}

bool InTransaction() {
    return IsTransactionState();
}

bool ReadOnly() {
    return XactReadOnly || IsInParallelMode();
}

bool OnStandby() {
    return RecoveryInProgress();
}

bool HasWritten() {
    return TransactionIdIsValid(GetTopTransactionIdIfAny());
}

bool InSubtransaction() {
    return GetCurrentTransactionNestLevel() > 1;
}

bool InBackgroundWorker() {
    return MyBgworkerEntry != nullptr;
}

void WhenTransactionEnds(void (*callback)(bool committed)) {
    Call([&] {
        RegisterXactCallback(
            [](XactEvent event, void* work) {
                if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
                    reinterpret_cast<void (*)(bool)>(work)(event == XACT_EVENT_COMMIT);
            },
            reinterpret_cast<void*>(callback));
    });
}

void WhenProcessExits(void (*callback)()) {
    Call([&] {
        before_shmem_exit([](int, Datum work) { reinterpret_cast<void (*)()>(work)(); },
                          reinterpret_cast<Datum>(callback));
    });
}

}  // namespace pulse::pg
