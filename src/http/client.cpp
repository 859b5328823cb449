#include "pulse/http/client.hpp"

#include <chrono>
#include <csignal>
#include <deque>
#include <new>
#include <optional>
#include <unordered_map>

#include "client_text.hpp"
#include "client_transfer.hpp"

namespace pulse::http {

using client::Target;
using client::Transfer;
using Clock = std::chrono::steady_clock;

namespace {

// Threads that libcurl creates within the scope never run a signal handler of the process.
class NoSignals {
  public:
    NoSignals() {
        sigset_t all;
        sigfillset(&all);
        for (const int own : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP}) sigdelset(&all, own);
        pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~NoSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    NoSignals(const NoSignals&) = delete;
    NoSignals& operator=(const NoSignals&) = delete;

  private:
    sigset_t before_;
};

void BeginLibcurl() {
    static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (code != CURLE_OK) throw std::bad_alloc();
}

}  // namespace

struct Client::State {
    struct Waiting {
        uint64_t number;
        Request request;
        Target target;
    };

    // One scheme, host and port.
    struct Host {
        std::deque<Waiting> waiting;
        size_t under_way = 0;
        bool in_turn = false;
    };

    State(Sockets& owner, ClientLimits with)
        : sockets(owner), limits(std::move(with)), rules(std::make_shared<const AddressRules>(limits.rules)) {
        BeginLibcurl();
        multi = curl_multi_init();
        if (!multi) throw std::bad_alloc();
        curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, &State::OnSocket);
        curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, this);
        curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, &State::OnTimer);
        curl_multi_setopt(multi, CURLMOPT_TIMERDATA, this);
        curl_multi_setopt(multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
        KeepConnections();
    }

    ~State() {
        const NoSignals scope;
        for (auto& [easy, transfer] : running) curl_multi_remove_handle(multi, easy);
        running.clear();
        idle.clear();
        curl_multi_cleanup(multi);
        for (; reserved > 0; --reserved) sockets.Release();
    }

    State(const State&) = delete;
    State& operator=(const State&) = delete;

    void KeepConnections() {
        curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, static_cast<long>(limits.requests));
    }

    static int OnSocket(CURL*, curl_socket_t socket, int what, void* self, void*) {
        auto* state = static_cast<State*>(self);
        try {
            state->sockets.Watch(socket, what == CURL_POLL_IN || what == CURL_POLL_INOUT,
                                 what == CURL_POLL_OUT || what == CURL_POLL_INOUT);
        } catch (...) {
            // Rethrown outside of libcurl's frames.
            state->failure = std::current_exception();
        }
        return 0;
    }

    static int OnTimer(CURLM*, long milliseconds, void* self) {
        auto* state = static_cast<State*>(self);
        state->timer.reset();
        if (milliseconds >= 0) state->timer = Clock::now() + std::chrono::milliseconds(milliseconds);
        return 0;
    }

    void AskTimer() {
        long milliseconds = -1;
        curl_multi_timeout(multi, &milliseconds);
        OnTimer(multi, milliseconds, this);
    }

    void Act(curl_socket_t socket, int what) {
        {
            const NoSignals scope;
            int still_running = 0;
            curl_multi_socket_action(multi, socket, what, &still_running);
        }
        if (failure) std::rethrow_exception(std::exchange(failure, nullptr));
    }

    void Queue(uint64_t number, Request request, Target target) {
        Host& host = hosts[target.Key()];
        host.waiting.push_back({number, std::move(request), std::move(target)});
        ++waiting;
        JoinTurn(host);
    }

    // Appends a host to the queue if it has waiting requests and is below its limit.
    void JoinTurn(Host& host) {
        if (host.in_turn || host.waiting.empty() || host.under_way >= limits.per_host) return;
        host.in_turn = true;
        turn.push_back(&host);
    }

    // Sockets are counted by the maximum number of simultaneous transfers: libcurl does not report every
    // socket that it closes.
    bool HaveTransfer() {
        if (!idle.empty()) return true;
        idle.reserve(idle.size() + running.size() + 1);
        auto transfer = std::make_unique<Transfer>();
        if (!sockets.Reserve()) return false;
        ++reserved;
        idle.push_back(std::move(transfer));
        return true;
    }

    void StartWaiting() {
        while (running.size() < limits.requests && !turn.empty()) {
            const bool can = HaveTransfer();
            if (!can && !running.empty()) return;  // a running request will free its socket
            Host& host = *turn.front();
            turn.pop_front();
            host.in_turn = false;
            Waiting next = std::move(host.waiting.front());
            host.waiting.pop_front();
            --waiting;
            if (!can) {
                GiveUp(next);
                JoinTurn(host);
                if (host.under_way == 0 && host.waiting.empty()) hosts.erase(next.target.Key());
                continue;
            }
            ++host.under_way;
            Start(std::move(next));
            JoinTurn(host);
        }
    }

    void GiveUp(const Waiting& request) {
        Response answer;
        answer.error = "could not connect to " + request.target.host + ": too many open files";
        done.emplace_back(request.number, std::move(answer));
    }

    void Start(Waiting next) {
        std::unique_ptr<Transfer> transfer = std::move(idle.back());
        idle.pop_back();
        transfer->Begin(next.number, std::move(next.request), std::move(next.target), rules, limits.agent);
        CURL* easy = transfer->easy();
        running.emplace(easy, std::move(transfer));
        const NoSignals scope;
        curl_multi_add_handle(multi, easy);
    }

    void CollectAnswers() {
        int left = 0;
        while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
            if (message->msg != CURLMSG_DONE) continue;
            CURL* easy = message->easy_handle;
            const CURLcode code = message->data.result;  // the next call invalidates the message
            {
                const NoSignals scope;
                curl_multi_remove_handle(multi, easy);
            }
            auto node = running.extract(easy);
            std::unique_ptr<Transfer> transfer = std::move(node.mapped());
            done.emplace_back(transfer->number(), transfer->Finish(code));
            Leave(transfer->target().Key());
            transfer->Clear();
            idle.push_back(std::move(transfer));
        }
    }

    void Leave(const std::string& key) {
        const auto host = hosts.find(key);
        --host->second.under_way;
        JoinTurn(host->second);
        if (host->second.under_way == 0 && host->second.waiting.empty()) hosts.erase(host);
    }

    Sockets& sockets;
    ClientLimits limits;
    std::shared_ptr<const AddressRules> rules;
    CURLM* multi = nullptr;
    std::exception_ptr failure;
    std::optional<Clock::time_point> timer;

    std::unordered_map<std::string, Host> hosts;
    std::deque<Host*> turn;  // hosts that may start another request
    size_t waiting = 0;
    size_t reserved = 0;  // sockets
    std::unordered_map<CURL*, std::unique_ptr<Transfer>> running;
    std::vector<std::unique_ptr<Transfer>> idle;
    std::vector<std::pair<uint64_t, Response>> done;
};

Client::Client(Sockets& sockets, ClientLimits limits)
    : state_(std::make_unique<State>(sockets, std::move(limits))) {}

Client::~Client() = default;

void Client::Send(uint64_t number, Request request) {
    std::string problem = client::Malformed(request);
    Target target;
    if (problem.empty()) target = client::ReadTarget(request, problem);
    if (problem.empty()) problem = state_->rules->Refuses(target.scheme, target.host);
    if (problem.empty() && request.mail && !request.mail->require_tls && target.scheme == "smtp" &&
        !state_->rules->allow_http())
        problem = "SMTP without TLS needs pulse.allow_http";
    if (problem.empty()) {
        state_->Queue(number, std::move(request), std::move(target));
        state_->StartWaiting();
        return;
    }
    Response answer;
    answer.forbidden = true;
    answer.error = client::OneLine(client::CleanUtf8(client::Scrub(std::move(problem), request.secrets)));
    state_->done.emplace_back(number, std::move(answer));
}

size_t Client::in_flight() const {
    return state_->waiting + state_->running.size() + state_->done.size();
}

long Client::Timeout() const {
    if (!state_->done.empty()) return 0;
    if (!state_->timer) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*state_->timer - Clock::now()).count();
    return left > 0 ? static_cast<long>(left) : 0;
}

void Client::Ready(int socket, bool readable, bool writable) {
    state_->Act(socket, (readable ? CURL_CSELECT_IN : 0) | (writable ? CURL_CSELECT_OUT : 0));
}

void Client::Tick() {
    if (!state_->timer || *state_->timer > Clock::now()) return;
    state_->Act(CURL_SOCKET_TIMEOUT, 0);
    // libcurl counts whole milliseconds and reports a timeout only once: after a call that was a moment too
    // early, it would not report it again.
    state_->AskTimer();
    // A fast receiver may have answered already; then no socket becomes ready.
    state_->CollectAnswers();
}

std::vector<std::pair<uint64_t, Response>> Client::Take() {
    state_->CollectAnswers();
    state_->StartWaiting();
    return std::exchange(state_->done, {});
}

void Client::Change(ClientLimits limits) {
    state_->limits = std::move(limits);
    state_->rules = std::make_shared<const AddressRules>(state_->limits.rules);
    state_->KeepConnections();
    for (auto& [key, host] : state_->hosts) state_->JoinTurn(host);
    state_->StartWaiting();
}

}  // namespace pulse::http
