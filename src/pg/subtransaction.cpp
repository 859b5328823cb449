#include "pulse/pg/subtransaction.hpp"

#include <algorithm>

extern "C" {
#include "storage/latch.h"
#include "utils/resowner.h"
#include "utils/timeout.h"
}

namespace pulse::pg {

Subtransaction::Subtransaction(Mode mode) : context_(CurrentMemoryContext), owner_(CurrentResourceOwner) {
    Call([] { BeginInternalSubTransaction(nullptr); });
    MemoryContextSwitchTo(context_);
    // The end of the subtransaction restores the flag in any case.
    if (mode == Mode::kReadOnly) XactReadOnly = true;
}

void Subtransaction::Commit() {
    if (detail::aborting)
        throw std::logic_error("commit of a subtransaction in which an error of PostgreSQL was swallowed");
    Call([] { ReleaseCurrentSubTransaction(); });
    open_ = false;
    MemoryContextSwitchTo(context_);
    CurrentResourceOwner = owner_;
}

Subtransaction::~Subtransaction() {
    if (!open_) return;
    // A rollback raises errors only in a state that ends in FATAL; a destructor must not throw.
    RollbackAndReleaseCurrentSubTransaction();
    MemoryContextSwitchTo(context_);
    CurrentResourceOwner = owner_;
    detail::aborting = false;
}

namespace {

constexpr int kAgain = 500;  // milliseconds between two cancels
constexpr int kCatchable = 4;

// A time limit. There are two nested ones, each with its own signal handler.
template <int kind>
struct Timer {
    static inline TimeoutId id = MAX_TIMEOUTS;
    static inline bool armed = false;
    static inline volatile sig_atomic_t expired = 0;
    static inline volatile sig_atomic_t caught = 0;  // cancels that did not end the work
    // Cancels that the limit has requested, and those of them that have become errors. If there are more, the
    // pending one comes from the limit, else from a user.
    static inline volatile sig_atomic_t requested = 0;
    static inline sig_atomic_t raised = 0;
    static inline ErrorContextCallback on_error{};

    // In a signal handler: request a cancel, like pg_cancel_backend(). A function can catch the cancel and go
    // on; after a few such cancels the process ends, which no function can catch.
    static void OnExpiry() {
        enable_timeout_after(id, kAgain);
        if (expired && !QueryCancelPending) {
            caught = caught + 1;
            if (caught == kCatchable) ProcDiePending = true;
        }
        expired = true;
        if (!QueryCancelPending) requested = requested + 1;
        QueryCancelPending = true;
        InterruptPending = true;
        SetLatch(MyLatch);
    }

    // While an error or a notice is raised, which is when a cancel is not pending any more. PostgreSQL's own
    // message about the end of the process blames an administrator.
    static void OnError(void*) {
        const sig_atomic_t before = requested;
        if (!QueryCancelPending) raised = before;
        if (caught < kCatchable) return;
        errdetail("A statement of a definition or job went on after its time limit.");
        errhint("Its functions must not catch query_canceled and go on.");
    }

    static bool Begin(int64_t milliseconds) {
        if (armed) return false;
        expired = false;
        caught = 0;
        requested = raised = 0;
        if (milliseconds <= 0) return false;
        if (id == MAX_TIMEOUTS) id = Call([] { return RegisterTimeout(USER_TIMEOUT, OnExpiry); });
        Call([&] { enable_timeout_after(id, static_cast<int>(std::min<int64_t>(milliseconds, INT_MAX))); });
        armed = true;
        on_error.callback = OnError;
        on_error.previous = error_context_stack;
        error_context_stack = &on_error;
        return true;
    }

    static void End() {
        error_context_stack = on_error.previous;
        disable_timeout(id, false);
        armed = false;
        // It may have fired when the work was just done: the cancel must not affect the next statement.
        if (requested != raised) QueryCancelPending = false;
    }
};

using Inner = Timer<0>;
using Outer = Timer<1>;

}  // namespace

Deadline::Deadline(int milliseconds) : armed_(Inner::Begin(milliseconds)) {}

Deadline::~Deadline() {
    if (armed_) Inner::End();
}

bool Deadline::Expired() {
    return Inner::expired;
}

JobDeadline::JobDeadline(int64_t milliseconds) : armed_(Outer::Begin(milliseconds)) {}

JobDeadline::~JobDeadline() {
    if (armed_) Outer::End();
}

bool JobDeadline::Expired() {
    return Outer::expired;
}

}  // namespace pulse::pg
