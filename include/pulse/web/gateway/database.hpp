// The connections to one database: lanes with their queues, reconnecting.
#pragma once

#include <array>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "pulse/web/gateway/database_connection.hpp"
#include "pulse/web/gateway/metrics.hpp"
#include "pulse/web/gateway/settings.hpp"

namespace pulse::web::gateway {

// What became of a call.
struct Reply {
    std::optional<CallAnswer> answer;
    // Without an answer: the status to send, and what only the operator may know.
    int status = 503;
    std::string sqlstate, error;
    bool sent = false;  // it may have been done
};

class Database {
  public:
    using Done = std::function<void(Reply)>;
    using Report = std::function<void(const char* level, const std::string& message)>;

    // `settings` and `metrics` must live as long.
    Database(boost::asio::io_context& io, const Settings& settings, const std::string& conninfo,
             std::string name, Metrics& metrics, Report report);
    ~Database();

    void Start();
    // Close all connections; what waits is refused.
    void Stop();

    // Answered at once if the database is away or the queue is full.
    void Submit(std::shared_ptr<const Call> call, Done done);
    // More of a body. An answer without a status has it.
    void FetchNext(const std::string& token, Lane lane, Done done);

    // Whether no connection works and the last attempt failed.
    bool is_down() const { return down_; }
    LaneState StateOf(Lane lane) const;

  private:
    struct Job {
        std::shared_ptr<const Call> call;  // or
        std::string token;
        Done done;
        Clock::time_point since;
        bool again = false;            // it was sent once already
        std::string group = {};        // a turn of this group: it stands for `folded`
        std::vector<Job> folded = {};  // taken when the turn comes
    };
    // Requests that may be folded wait here, so that those that wait at the same moment go together. A turn
    // is their place in the queue and on a connection.
    struct Group {
        std::deque<Job> waiting;
        int turns = 0;
    };
    struct Slot {
        Lane lane;
        std::shared_ptr<Connection> connection;
        int failures = 0;     // in a row, to connect
        bool worked = false;  // it was ready
        Clock::time_point next_try;
    };

    std::deque<Job>& QueueOf(Lane lane) { return queues_[static_cast<size_t>(lane)]; }
    void Enqueue(Lane lane, Job job);
    void Join(Job job);
    bool TakeTurn(Job& turn);
    void FinishTurn(Job turn, Reply reply, bool lost);
    void EndTurn(const std::string& group);
    void RefuseLate(Clock::time_point now);
    void Dispatch(Lane lane);
    Connection* Choose(Lane lane) const;
    void Send(Connection& connection, Lane lane, Job job);
    void Finish(Connection* connection, Lane lane, Job job, Outcome outcome);
    void RefuseAll(const char* why);
    static void Refuse(Job& job, const char* why);

    void OnReady(size_t slot);
    void OnLost(size_t slot, const std::string& why);
    void OpenSome();
    size_t CountReady() const;
    bool NeedsTick() const;
    void Tick();
    void ArmTick();

    boost::asio::io_context& io_;
    const Settings& settings_;
    std::string name_;
    Metrics& metrics_;
    Report report_;
    boost::asio::steady_timer timer_;
    bool ticking_ = false, down_ = false, stopped_ = false;
    std::string last_problem_;
    int failures_ = 0;  // in a row, while no connection works
    Clock::time_point next_open_;
    std::vector<Slot> slots_;
    std::array<std::deque<Job>, 3> queues_;
    std::unordered_map<std::string, Group> groups_;
    size_t grouped_ = 0;  // requests in all groups
};

}  // namespace pulse::web::gateway
