// Concurrent requests of one process, waiting for sockets and the latch in one call. For entry code.
#pragma once

#include <memory>
#include <vector>

#include "pulse/http/client.hpp"
#include "pulse/pg/error.hpp"

namespace pulse::http {

// Needs no transaction, and none should be open. The destructor aborts requests in flight.
class Exchange {
  public:
    // With the limits and rules of the settings.
    Exchange();
    // With other limits, for tests.
    explicit Exchange(ClientLimits limits);
    ~Exchange();
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    // Start a request; its answer has the caller's number. Never fails: an error is in the answer.
    void Send(uint64_t number, Request request);
    size_t in_flight() const;

    // Wait up to `milliseconds` (-1: no limit) for answers or the latch, and process interrupts. Empty after
    // the latch or the timeout.
    std::vector<std::pair<uint64_t, Response>> Wait(long milliseconds);

    // Apply changed settings.
    void Reload();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

// One request and its answer, from an ordinary session: for pulse_test_channel().
Response SendAndWait(Request request);

}  // namespace pulse::http
