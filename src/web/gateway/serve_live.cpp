#include "pulse/web/gateway/serve_live.hpp"

#include <utility>
#include <vector>

#include "pulse/web/gateway/serve.hpp"
#include "pulse/web/gateway/serve_session.hpp"

namespace pulse::web::gateway {

namespace {

constexpr milliseconds kAskEvery{1'000};

}  // namespace

void LiveStreams::Add(Session& session, const std::string& key, const std::string& token, Lane lane,
                      bool read_only, Clock::time_point began) {
    const auto shared = streams_.find(key);
    const bool later = shared != streams_.end() && shared->second->told_at >= began;
    const std::string name = key.empty() || later ? std::to_string(++last_alone_) : key;
    StreamPointer& stream = streams_[name];
    if (!stream) {
        stream = std::make_shared<Stream>(server_.io(), token, lane, read_only);
        Arm(stream);
    }
    stream->sessions.insert(&session);
    keys_[&session] = name;
    ++count_;
}

void LiveStreams::Remove(Session& session) {
    const auto key = keys_.find(&session);
    if (key == keys_.end()) return;
    const auto found = streams_.find(key->second);
    keys_.erase(key);
    --count_;
    if (found == streams_.end()) return;
    found->second->sessions.erase(&session);
    if (!found->second->sessions.empty()) return;
    found->second->timer.cancel();
    streams_.erase(found);
}

void LiveStreams::Arm(const StreamPointer& stream) {
    stream->timer.expires_after(kAskEvery);
    stream->timer.async_wait([this, stream](const boost::system::error_code& error) {
        if (!error && !stream->sessions.empty()) Ask(stream);
    });
}

void LiveStreams::Ask(const StreamPointer& stream) {
    server_.DatabaseFor(stream->read_only)
        .FetchNext(stream->token, stream->lane,
                   [this, stream](const Reply& reply) { OnReply(stream, reply); });
}

void LiveStreams::OnReply(const StreamPointer& stream, const Reply& reply) {
    if (stream->sessions.empty()) return;
    // A session that cannot go on removes itself.
    std::vector<std::shared_ptr<Session>> sessions;
    for (Session* session : stream->sessions) sessions.push_back(session->shared_from_this());
    if (!reply.answer) {
        // While the database is away, streams stay: they go on where they were.
        if (reply.status == 503) return Arm(stream);
        for (const auto& session : sessions) session->EndStream(reply);
        return;
    }
    const bool ends = !reply.answer->next;
    if (!ends) {
        stream->token = *reply.answer->next;
        stream->told_at = Clock::now();
    }
    for (const auto& session : sessions) session->Stream(reply.answer->body);
    if (!ends) return Arm(stream);
    for (const auto& session : sessions) session->EndStream({});
}

}  // namespace pulse::web::gateway
