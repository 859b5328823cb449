// Concurrent requests by libcurl, without blocking: the owner waits for the sockets. Pure C++.
#pragma once

#include <memory>
#include <vector>

#include "pulse/http/address.hpp"
#include "pulse/http/request.hpp"

namespace pulse::http {

// Implemented by the owner, who waits for the client's sockets.
class Sockets {
  public:
    virtual ~Sockets() = default;
    // Watch a socket from now on; without reading and writing, stop watching it.
    virtual void Watch(int socket, bool reading, bool writing) = 0;
    // Whether another socket is available. Each reserved socket is released at the end.
    virtual bool Reserve() { return true; }
    virtual void Release() {}
};

struct ClientLimits {
    size_t requests = 200;  // concurrent requests; others are queued
    size_t per_host = 50;   // of one scheme, host and port
    AddressRules rules;
    std::string agent = "Pulse";
};

// Not for the postmaster: libcurl creates threads that look up names. The destructor aborts requests in
// flight.
class Client {
  public:
    Client(Sockets& sockets, ClientLimits limits);
    ~Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    // Start or queue a request. Never fails: an error is in the answer.
    void Send(uint64_t number, Request request);
    // The number of answers that are still to be taken.
    size_t in_flight() const;

    // Maximum wait before Tick(), in milliseconds; -1: until a socket is ready.
    long Timeout() const;
    // A socket is ready.
    void Ready(int socket, bool readable, bool writable);
    // Time has passed.
    void Tick();
    // Returns and removes the answers that have arrived.
    std::vector<std::pair<uint64_t, Response>> Take();

    // Set new limits and rules, also for queued requests; requests in flight continue.
    void Change(ClientLimits limits);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace pulse::http
