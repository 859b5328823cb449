// Waiting for many sockets and the latch in one call.
#pragma once

#include "pulse/pg/error.hpp"

extern "C" {
struct WaitEventSet;
}

namespace pulse::pg {

class Poller {
  public:
    struct Ready {
        int socket;
        bool readable, writable;
    };

    Poller();
    ~Poller();
    Poller(const Poller&) = delete;
    Poller& operator=(const Poller&) = delete;

    // Watch a socket from now on; neither reading nor writing forgets it. Forget a socket before it is
    // closed.
    void Watch(int socket, bool reading, bool writing);

    // Waits up to `milliseconds` (-1: without limit) for any of them or for somebody to set our latch, and
    // serves interrupts. Leaves at once when the postmaster is gone.
    std::vector<Ready> Wait(long milliseconds);
    // Whether the latch was set during the last Wait().
    bool woken() const { return woken_; }

    // Whether this process may have one more descriptor that PostgreSQL does not know of; give it back.
    static bool Reserve();
    static void Release();

  private:
    int epoll_ = -1;
    WaitEventSet* set_ = nullptr;
    bool woken_ = false;
};

}  // namespace pulse::pg
