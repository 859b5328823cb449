// Live streams: all clients with the same text of a key share one question a second.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "pulse/web/gateway/database.hpp"

namespace pulse::web::gateway {

class Server;
class Session;

class LiveStreams {
  public:
    explicit LiveStreams(Server& server) : server_(server) {}

    // Let a session, whose request began then, have what comes after the token of its answer. A stream of the
    // same key that is there goes on where it is, if that was before: clients may hear of a change twice,
    // never not at all. `key` is the digest of its text, so that a stream ends with the text that began it;
    // empty: none.
    void Add(Session& session, const std::string& key, const std::string& token, Lane lane, bool read_only,
             Clock::time_point began);
    void Remove(Session& session);
    size_t count() const { return count_; }

  private:
    struct Stream {
        Stream(boost::asio::io_context& io, std::string first, Lane stream_lane, bool reads)
            : timer(io), token(std::move(first)), lane(stream_lane), read_only(reads) {}
        boost::asio::steady_timer timer;
        std::string token;
        Lane lane;
        bool read_only;
        Clock::time_point told_at = Clock::now();  // when the token came
        std::set<Session*> sessions;
    };
    using StreamPointer = std::shared_ptr<Stream>;
    void Arm(const StreamPointer& stream);
    void Ask(const StreamPointer& stream);
    void OnReply(const StreamPointer& stream, const Reply& reply);

    Server& server_;
    std::map<std::string, StreamPointer> streams_;
    std::map<Session*, std::string> keys_;  // of each session
    uint64_t last_alone_ = 0;               // a stream of one session has a number for a key
    size_t count_ = 0;
};

}  // namespace pulse::web::gateway
