#include "pulse/http/worker_exchange.hpp"

#include <algorithm>
#include <chrono>

#include "pulse/pg/poller.hpp"
#include "pulse/pg/settings.hpp"

#ifndef PULSE_VERSION
#define PULSE_VERSION "test"
#endif

namespace pulse::http {

namespace {

using Clock = std::chrono::steady_clock;

ClientLimits LimitsOfSettings() {
    ClientLimits limits;
    limits.requests = static_cast<size_t>(pg::settings::max_requests);
    limits.per_host = static_cast<size_t>(pg::settings::max_requests_per_host);
    const char* hosts = pg::settings::AllowedHosts();
    limits.rules = AddressRules(hosts ? hosts : "", pg::settings::allow_http);
    limits.agent = "Pulse/" PULSE_VERSION;
    return limits;
}

// Warns of invalid entries once for each value of the setting.
void WarnOfBadEntries(const AddressRules& rules) {
    static std::vector<std::string> warned;
    if (rules.bad() == warned) return;
    warned = rules.bad();
    for (const std::string& entry : warned)
        pg::Warning("\"" + entry + "\" in pulse.allowed_hosts is ignored", "",
                    "Valid entries are *, a name, *.name, an address, and a network such as 10.1.0.0/16.");
}

}  // namespace

struct Exchange::State {
    class PolledSockets final : public Sockets {
      public:
        void Watch(int socket, bool reading, bool writing) override {
            poller.Watch(socket, reading, writing);
        }
        bool Reserve() override { return pg::Poller::Reserve(); }
        void Release() override { pg::Poller::Release(); }

        pg::Poller poller;
    };

    explicit State(ClientLimits limits) : client(sockets, std::move(limits)) {}

    PolledSockets sockets;
    Client client;
};

Exchange::Exchange() : Exchange(LimitsOfSettings()) {}

Exchange::Exchange(ClientLimits limits) {
    WarnOfBadEntries(limits.rules);
    state_ = std::make_unique<State>(std::move(limits));
}

Exchange::~Exchange() = default;

void Exchange::Send(uint64_t number, Request request) {
    state_->client.Send(number, std::move(request));
}

size_t Exchange::in_flight() const {
    return state_->client.in_flight();
}

std::vector<std::pair<uint64_t, Response>> Exchange::Wait(long milliseconds) {
    const auto deadline = Clock::now() + std::chrono::milliseconds(std::max(milliseconds, 0L));
    Client& client = state_->client;
    for (;;) {
        client.Tick();
        long wait = client.Timeout();
        if (milliseconds >= 0) {
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
            const long limit = std::max(static_cast<long>(left), 0L);
            wait = wait < 0 ? limit : std::min(wait, limit);
        }
        // Also without anything to wait for, as interrupts are processed here.
        for (const pg::Poller::Ready& ready : state_->sockets.poller.Wait(wait))
            client.Ready(ready.socket, ready.readable, ready.writable);
        client.Tick();
        auto answers = client.Take();
        const bool late = milliseconds >= 0 && Clock::now() >= deadline;
        if (!answers.empty() || state_->sockets.poller.woken() || late) return answers;
    }
}

void Exchange::Reload() {
    ClientLimits limits = LimitsOfSettings();
    WarnOfBadEntries(limits.rules);
    state_->client.Change(std::move(limits));
}

Response SendAndWait(Request request) {
    Exchange exchange;
    exchange.Send(1, std::move(request));
    for (;;) {
        auto answers = exchange.Wait(-1);
        if (!answers.empty()) return std::move(answers.front().second);
    }
}

}  // namespace pulse::http
