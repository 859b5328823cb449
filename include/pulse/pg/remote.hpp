// A connection to another PostgreSQL server, through libpq, that never blocks this one: every wait is on our
// latch and the socket, with a limit, so cancel, terminate and time-outs work while it lasts, with or without
// a transaction here.
#pragma once

#include <chrono>

#include "pulse/pg/error.hpp"

struct pg_conn;
struct pg_result;

namespace pulse::pg {

// What the other server or the way to it made of a request. Never shows a password.
class RemoteError : public UserError {
  public:
    RemoteError(std::string state, std::string message, std::string detail, std::string hint, bool lost)
        : UserError(state.c_str(), std::move(message), std::move(detail), std::move(hint)), lost_(lost) {}
    // The connection is gone or never was: what failed is the way there, not the statement.
    bool lost() const { return lost_; }

  private:
    bool lost_;
};

// Keywords of libpq and their values, in order.
using RemoteParameters = std::vector<std::pair<std::string, std::string>>;

// A result, values as text.
struct RemoteRows {
    std::vector<std::string> names;
    std::vector<uint32_t> types;
    std::vector<int32_t> modifiers;
    std::vector<std::vector<std::optional<std::string>>> values;
};

// Destroying it closes the connection at once, also with a statement in flight: the server at the other end
// notices by its client_connection_check_interval. (PQcancel would block for as long as the network likes.)
class Remote {
  public:
    // Connect within `milliseconds`. Looking up a host's name is the one step that can block: hostaddr avoids
    // it.
    Remote(const RemoteParameters& parameters, int milliseconds);
    Remote(const Remote&) = delete;
    Remote& operator=(const Remote&) = delete;

    // Run statements of our own in one round trip, and return the rows of the only one that gives any.
    RemoteRows RunScript(const std::string& sql, int milliseconds);
    // Run one statement; more than one in the text is refused by the server's protocol. A result of more than
    // `max_bytes` is an error.
    RemoteRows Run(const std::string& sql, int milliseconds, size_t max_bytes);

    // The server asked for a password and got it.
    bool UsedPassword() const;
    bool Alive() const;
    int ServerVersion() const;  // as 150004

  private:
    using Clock = std::chrono::steady_clock;

    struct Closer {
        void operator()(pg_conn* connection) const;
    };
    struct Clearer {
        void operator()(pg_result* result) const;
    };
    using Answer = std::unique_ptr<pg_result, Clearer>;

    void Poll(int milliseconds);
    void Wait(bool writing);
    void Send(bool sent);
    Answer Next();
    RemoteRows Collect(size_t max_bytes);
    void Append(const pg_result* result, RemoteRows& rows, size_t& bytes, size_t max_bytes) const;
    std::string Scrub(std::string text) const;
    [[noreturn]] void ThrowLost(const char* state) const;
    [[noreturn]] void Throw(const pg_result* result) const;

    std::unique_ptr<pg_conn, Closer> connection_;
    std::string password_;
    Clock::time_point deadline_;
    int limit_ = 0;  // ms, of the request under way
};

}  // namespace pulse::pg
