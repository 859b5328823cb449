// Live streams: all clients with the same key share one question a second.
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

    // Let a session have what comes after the token of its answer. A stream of the same key that is there
    // goes on where it is, which may be a little earlier: clients may hear of a change twice, never not at
    // all. `key` is the id of the key; 0: none.
    void Add(Session& session, int64_t key, const std::string& token, Lane lane, bool read_only);
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
        std::set<Session*> sessions;
    };
    using StreamPointer = std::shared_ptr<Stream>;
    void Arm(const StreamPointer& stream);
    void Ask(const StreamPointer& stream);
    void OnReply(const StreamPointer& stream, const Reply& reply);

    Server& server_;
    std::map<int64_t, StreamPointer> streams_;
    std::map<Session*, int64_t> keys_;  // of each session
    int64_t last_alone_ = 0;            // streams without a key have numbers below 0
    size_t count_ = 0;
};

}  // namespace pulse::web::gateway
