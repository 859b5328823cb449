// A connection to another PostgreSQL server by libpq that never blocks the process: every wait is on the
// latch and the socket, with a limit, so that cancel, terminate and time-outs work, with or without a
// transaction.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pulse/pg/error.hpp"

struct pg_conn;
struct pg_result;

namespace pulse::pg {

// An error of the other server or of the connection. Never shows a password.
class RemoteError : public UserError {
  public:
    RemoteError(std::string state, std::string message, std::string detail, std::string hint, bool lost)
        : UserError(state.c_str(), std::move(message), std::move(detail), std::move(hint)), lost_(lost) {}
    // The connection failed, not the statement.
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

// Destroying it closes the connection at once, also while a statement runs: the other server notices by its
// client_connection_check_interval. (PQcancel could block on the network without limit.)
class Remote {
  public:
    // Connect within `milliseconds`. The look-up of a host name is the only step that can block; hostaddr
    // avoids it.
    Remote(const RemoteParameters& parameters, int milliseconds);
    Remote(const Remote&) = delete;
    Remote& operator=(const Remote&) = delete;

    // The same in steps, for a caller that waits for several connections at once: Begin() and Start…() begin,
    // Advance() goes on as far as it can without waiting, and returns whether the connection stands, or the
    // answer is complete. Until then the caller waits for socket(), at most until deadline().
    static std::unique_ptr<Remote> Begin(const RemoteParameters& parameters, int milliseconds);
    void StartScript(const std::string& sql, int milliseconds);
    void Start(const std::string& sql, int milliseconds, size_t max_bytes);
    bool Advance();
    RemoteRows TakeRows() { return std::move(rows_); }
    int socket() const;  // negative: lost, as Advance() then says
    bool writing() const { return writing_; }
    std::chrono::steady_clock::time_point deadline() const { return deadline_; }

    // Run trusted statements in one round trip, and return the rows of the only one that returns any.
    RemoteRows RunScript(const std::string& sql, int milliseconds);
    // Run one statement; the protocol rejects a text with several. A result larger than `max_bytes` is an
    // error.
    RemoteRows Run(const std::string& sql, int milliseconds, size_t max_bytes);

    // Run trusted statements, of which one is COPY … FROM STDIN: `data` in its text format.
    void CopyIn(const std::string& sql, std::string data, int milliseconds);

    // Whether the server requested the password.
    bool UsedPassword() const;
    bool Alive() const;
    int ServerVersion() const;  // as 150004

  private:
    using Clock = std::chrono::steady_clock;
    enum class Phase { kConnecting, kSending, kReceiving, kIdle };

    struct Closer {
        void operator()(pg_conn* connection) const;
    };
    struct Clearer {
        void operator()(pg_result* result) const;
    };
    using Answer = std::unique_ptr<pg_result, Clearer>;

    struct Later {};
    Remote(const RemoteParameters& parameters, int milliseconds, Later);
    void Limit(int milliseconds);
    void Sent(bool sent, size_t max_bytes);
    bool AdvanceConnecting();
    bool AdvanceSending();
    bool AdvanceReceiving();
    void Finish();
    void Take(const pg_result* result);
    void Append(const pg_result* result);
    std::string Scrub(std::string text) const;
    void SendCopy();
    [[noreturn]] void ThrowLost(const char* state) const;
    [[noreturn]] void Throw(const pg_result* result) const;

    std::unique_ptr<pg_conn, Closer> connection_;
    std::string password_;
    Clock::time_point deadline_;
    int limit_ = 0;  // ms, of the current request
    Phase phase_ = Phase::kConnecting;
    bool writing_ = true;  // what the socket is waited for
    RemoteRows rows_;
    size_t bytes_ = 0, max_bytes_ = 0;
    int unchecked_ = 0;
    std::string copy_;  // what COPY … FROM STDIN gets when it asks
    size_t copied_ = 0;
    bool copying_ = false;
};

// The options of a connection string, as libpq reads it: a URI or key = value pairs. Empty if libpq cannot
// read it; its message could repeat a password, so nobody gets it.
std::optional<std::vector<std::pair<std::string, std::string>>> ParseConnectionString(
    const std::string& text);

// Whether libpq knows a keyword of connections, such as host.
bool IsConnectionKeyword(const std::string& keyword);

}  // namespace pulse::pg
