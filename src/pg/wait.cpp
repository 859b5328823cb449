#include "pulse/pg/wait.hpp"

extern "C" {
#include "pgstat.h"
#include "storage/latch.h"
#include "utils/wait_event.h"
}

namespace pulse::pg {

namespace {

Woken WaitFor(int events, int socket, long milliseconds, uint32 (*wait_event)()) {
    if (milliseconds >= 0) events |= WL_TIMEOUT;
    const int woken = Call([&] {
        const int result = WaitLatchOrSocket(MyLatch, events | WL_LATCH_SET | WL_EXIT_ON_PM_DEATH, socket,
                                             milliseconds, wait_event());
        if (result & WL_LATCH_SET) ResetLatch(MyLatch);
        CHECK_FOR_INTERRUPTS();
        return result;
    });
    if (woken & WL_SOCKET_READABLE) return Woken::kReadable;
    if (woken & WL_SOCKET_WRITEABLE) return Woken::kWritable;
    return woken & WL_LATCH_SET ? Woken::kLatch : Woken::kTimeout;
}

}  // namespace

Woken Wait(long milliseconds) {
    return WaitFor(0, PGINVALID_SOCKET, milliseconds, [] { return PULSE_WAIT_EVENT("PulseWait"); });
}

Woken WaitForSocket(int socket, bool writing, long milliseconds) {
    return WaitFor(writing ? WL_SOCKET_WRITEABLE : WL_SOCKET_READABLE, socket, milliseconds,
                   [] { return PULSE_WAIT_EVENT("PulseRemote"); });
}

}  // namespace pulse::pg
