// Waiting on the latch, interruptible by cancel and terminate.
#pragma once

#include "pulse/pg/error.hpp"

namespace pulse::pg {

enum class Woken { kLatch, kTimeout, kReadable, kWritable };

// Wait up to `milliseconds` (-1: without limit) or until the latch is set, and process interrupts. Exits at
// once if the postmaster dies.
Woken Wait(long milliseconds);

// The same for a socket: readable, or writable if `writing`.
Woken WaitForSocket(int socket, bool writing, long milliseconds);

}  // namespace pulse::pg
