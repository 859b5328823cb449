// One connection to the database: libpq in pipeline mode, without blocking.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <deque>
#include <functional>
#include <libpq-fe.h>
#include <memory>
#include <string>
#include <vector>

#include "pulse/web/gateway/call.hpp"
#include "pulse/web/gateway/rate_limiter.hpp"
#include "pulse/web/gateway/settings.hpp"

namespace pulse::web::gateway {

// How a statement ended.
struct Outcome {
    std::unique_ptr<PGresult, decltype(&PQclear)> result{nullptr, PQclear};  // if it succeeded
    std::string sqlstate, message;                                           // if it failed
    bool lost = false;  // the connection broke: nobody knows whether it was done

    std::string_view Text(int column) const;  // of the first row; jsonb without its version
    bool IsNull(int column) const { return PQgetisnull(result.get(), 0, column) != 0; }
};

struct ConnectionOptions {
    std::string conninfo;
    milliseconds request_time, connect_time;
};

class Connection : public std::enable_shared_from_this<Connection> {
  public:
    using Done = std::function<void(Outcome)>;
    struct Events {
        std::function<void()> ready;                   // it may be used
        std::function<void(const std::string&)> lost;  // it is closed, and why
    };

    Connection(boost::asio::io_context& io, ConnectionOptions options, Events events);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // Connect, find Pulse and compare versions; `ready` or `lost` follows. Needs a closed connection.
    void Open();
    // Close at once; what is in flight ends as lost. `lost` does not follow.
    void Close(const std::string& why);

    bool is_ready() const { return state_ == State::kReady; }
    bool is_closed() const { return state_ == State::kClosed; }
    size_t in_flight() const { return pending_.size(); }
    bool is_writable() const { return writable_; }

    // Call pulse_http() or pulse_http_next(), each in a transaction of its own. Needs is_ready().
    void Send(const Call& call, Done done);
    void SendNext(const std::string& token, Done done);
    // End what takes longer than it may.
    void CheckTime(Clock::time_point now);

  private:
    enum class State { kClosed, kConnecting, kPreparing, kReady };
    struct Pending {
        Done done;
        Outcome outcome;
        Clock::time_point since;
    };

    std::vector<std::pair<std::string, std::string>> Parameters();
    void Poll();
    void Begin();
    void Prepare(std::string schema);
    void ReadHello(const Outcome& outcome);

    void Queue(bool sent, Done done);
    void Watch();
    void WatchWrite();
    bool HasUnreadInput() const;
    void Receive();
    bool TakeResult();
    void Lose(std::string why);
    void Release();

    boost::asio::io_context& io_;
    ConnectionOptions options_;
    Events events_;
    State state_ = State::kClosed;
    size_t attempt_ = 0;
    Clock::time_point began_;
    std::unique_ptr<PGconn, decltype(&PQfinish)> connection_{nullptr, PQfinish};
    boost::asio::posix::stream_descriptor socket_;
    uint64_t generation_ = 0;  // handlers of an older one do nothing
    bool watching_write_ = false;
    bool writable_ = false;
    std::deque<Pending> pending_;
};

}  // namespace pulse::web::gateway
