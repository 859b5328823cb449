// Many requests at a time by libcurl, without waiting: the owner waits for the sockets. Pure C++.
#pragma once

#include <memory>
#include <vector>

#include "pulse/http/address.hpp"
#include "pulse/http/request.hpp"

namespace pulse::http {

// The owner's side of the client's sockets.
class Sockets {
  public:
    virtual ~Sockets() = default;
    // Watch a socket from now on; neither reading nor writing forgets it.
    virtual void Watch(int socket, bool reading, bool writing) = 0;
    // Whether one more request may have a socket at the same time as the others. Each that may is given back
    // at the end.
    virtual bool Reserve() { return true; }
    virtual void Release() {}
};

struct ClientLimits {
    size_t requests = 200;  // under way at once; the others wait inside
    size_t per_host = 50;   // of one scheme, host and port
    AddressRules rules;
    std::string agent = "Pulse";
};

// Not for the postmaster: libcurl makes threads that look up names. Destroying it breaks off what is under
// way.
class Client {
  public:
    Client(Sockets& sockets, ClientLimits limits);
    ~Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    // Begin a request, or let it wait for its turn. Never fails: what is wrong is in the answer.
    void Send(uint64_t number, Request request);
    // How many answers are still to be taken.
    size_t in_flight() const;

    // How long to wait at most before Tick(), in milliseconds; -1: until a socket is ready.
    long Timeout() const;
    // A socket is ready.
    void Ready(int socket, bool readable, bool writable);
    // Time has passed.
    void Tick();
    // The answers that came.
    std::vector<std::pair<uint64_t, Response>> Take();

    // New limits and rules, also for what waits; what is under way goes on.
    void Change(ClientLimits limits);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace pulse::http
