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
    // The subtransaction restores the flag when it ends, either way.
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
    // Rolling back does not raise but in a state from which only FATAL helps; it must not throw here.
    RollbackAndReleaseCurrentSubTransaction();
    MemoryContextSwitchTo(context_);
    CurrentResourceOwner = owner_;
    detail::aborting = false;
}

namespace {

// A limit of time. There are two, one inside the other; each has a signal handler of its own.
template <int kind>
struct Timer {
    static inline TimeoutId id = MAX_TIMEOUTS;
    static inline bool armed = false;
    static inline volatile sig_atomic_t expired = 0;
    static inline volatile sig_atomic_t canceled = 0;  // the pending cancel is ours, not a person's

    // In a signal handler: ask for a cancel, as a person would.
    static void OnExpiry() {
        expired = true;
        if (!QueryCancelPending) canceled = true;
        QueryCancelPending = true;
        InterruptPending = true;
        SetLatch(MyLatch);
    }

    static bool Begin(int64_t milliseconds) {
        if (armed) return false;
        expired = false;
        canceled = false;
        if (milliseconds <= 0) return false;
        if (id == MAX_TIMEOUTS) id = Call([] { return RegisterTimeout(USER_TIMEOUT, OnExpiry); });
        Call([&] { enable_timeout_after(id, static_cast<int>(std::min<int64_t>(milliseconds, INT_MAX))); });
        armed = true;
        return true;
    }

    static void End() {
        disable_timeout(id, false);
        armed = false;
        // It may have fired when the work was just done: our cancel must not hit whoever comes next.
        if (canceled) QueryCancelPending = false;
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
