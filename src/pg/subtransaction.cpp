#include "pulse/pg/subtransaction.hpp"

extern "C" {
#include "storage/latch.h"
#include "utils/resowner.h"
#include "utils/timeout.h"
}

namespace pulse::pg {

Subtransaction::Subtransaction(Mode mode) : context_(CurrentMemoryContext), owner_(CurrentResourceOwner) {
    Call([] { BeginInternalSubTransaction(nullptr); });
    MemoryContextSwitchTo(context_);
    // The subtransaction restores the flag when it ends, either way.
    if (mode == Mode::kReadOnly) XactReadOnly = true;
}

void Subtransaction::Commit() {
    if (detail::aborting) throw std::logic_error("commit of a subtransaction in which an error of PostgreSQL was swallowed");
    Call([] { ReleaseCurrentSubTransaction(); });
    open_ = false;
    MemoryContextSwitchTo(context_);
    CurrentResourceOwner = owner_;
}

Subtransaction::~Subtransaction() {
    if (!open_) return;
    // Rolling back does not raise but in a state from which only FATAL helps; it must not throw here.
    RollbackAndReleaseCurrentSubTransaction();
    MemoryContextSwitchTo(context_);
    CurrentResourceOwner = owner_;
    detail::aborting = false;
}

namespace {

TimeoutId deadline_id = MAX_TIMEOUTS;
bool deadline_armed;
volatile sig_atomic_t deadline_expired;
volatile sig_atomic_t deadline_canceled;  // the pending cancel is ours, not a person's

// In a signal handler: ask for a cancel, as a person would.
void OnDeadline() {
    deadline_expired = true;
    if (!QueryCancelPending) deadline_canceled = true;
    QueryCancelPending = true;
    InterruptPending = true;
    SetLatch(MyLatch);
}

}  // namespace

Deadline::Deadline(int milliseconds) {
    if (deadline_armed) return;
    deadline_expired = false;
    deadline_canceled = false;
    if (milliseconds <= 0) return;
    if (deadline_id == MAX_TIMEOUTS) deadline_id = Call([] { return RegisterTimeout(USER_TIMEOUT, OnDeadline); });
    Call([&] { enable_timeout_after(deadline_id, milliseconds); });
    armed_ = deadline_armed = true;
}

Deadline::~Deadline() {
    if (!armed_) return;
    disable_timeout(deadline_id, false);
    deadline_armed = false;
    // It may have fired when the work was just done: our cancel must not hit whoever comes next.
    if (deadline_canceled) QueryCancelPending = false;
}

bool Deadline::Expired() { return deadline_expired; }

}  // namespace pulse::pg
