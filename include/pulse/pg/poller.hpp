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

    // Watch a socket; with neither reading nor writing, stop watching it. Stop before the socket is closed.
    void Watch(int socket, bool reading, bool writing);

    // Wait up to `milliseconds` (-1: without limit) for any of them or for the latch, and process interrupts.
    // Exits at once if the postmaster dies.
    std::vector<Ready> Wait(long milliseconds);
    // Whether the latch was set during the last Wait().
    bool woken() const { return woken_; }

    // Whether this process may open one more descriptor that PostgreSQL does not manage; release it
    // afterwards.
    static bool Reserve();
    static void Release();

  private:
    int epoll_ = -1;
    WaitEventSet* set_ = nullptr;
    bool woken_ = false;
};

}  // namespace pulse::pg
