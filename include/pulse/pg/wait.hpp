// Waiting on the latch: cancel and terminate work while it lasts.
#pragma once

#include "pulse/pg/error.hpp"

namespace pulse::pg {

enum class Woken { kLatch, kTimeout, kReadable, kWritable };

// Waits up to `milliseconds` (-1: without limit), or until somebody sets our latch, and serves interrupts.
// Leaves at once when the postmaster is gone.
Woken Wait(long milliseconds);

// The same for a socket: readable, or writable if `writing`.
Woken WaitForSocket(int socket, bool writing, long milliseconds);

}  // namespace pulse::pg
