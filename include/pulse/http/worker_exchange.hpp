// Many requests at a time from one process, waiting for sockets and the latch in one call. For entry code.
#pragma once

#include <memory>
#include <vector>

#include "pulse/http/client.hpp"
#include "pulse/pg/error.hpp"

namespace pulse::http {

// No transaction is needed, and none should be open. Destroying it breaks off what is under way.
class Exchange {
  public:
    // ClientLimits and rules are those of the settings pulse.*.
    Exchange();
    // Others, for tests.
    explicit Exchange(ClientLimits limits);
    ~Exchange();
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    // Begin a request; its answer comes under the caller's number. Never fails: what is wrong is in the
    // answer.
    void Send(uint64_t number, Request request);
    size_t in_flight() const;

    // Wait up to `milliseconds` (-1: without limit) for answers or the latch, and serve interrupts. Empty
    // when it was the latch or the time.
    std::vector<std::pair<uint64_t, Response>> Wait(long milliseconds);

    // Take over changed settings.
    void Reload();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

// One request and its answer, from an ordinary session: for pulse_test_channel().
Response SendAndWait(Request request);

}  // namespace pulse::http
