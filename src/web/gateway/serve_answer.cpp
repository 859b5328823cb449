// The answers of a session.
#include <algorithm>
#include <utility>

#include "pulse/web/gateway/serve.hpp"
#include "pulse/web/gateway/serve_session.hpp"

namespace pulse::web::gateway {

namespace {

constexpr size_t kAnswerPiece = 64 << 10;
// What is still read of a client that is told to go, so that it sees why.
constexpr size_t kMostDiscarded = 4 << 20;
constexpr milliseconds kLingerTime{2'000};
// What waits for a client that reads a live stream slowly.
constexpr size_t kMostPending = 256 << 10;
constexpr std::chrono::seconds kSignOfLife{15};

std::chrono::sys_seconds ThisSecond() {
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

double SecondsSince(Clock::time_point time) {
    return std::chrono::duration<double>(Clock::now() - time).count();
}

}  // namespace

void Session::OnReply(Reply reply) {
    const Request& request = reader_.request();
    seconds_ = SecondsSince(began_);
    server_.Release(std::exchange(held_, 0));
    sqlstate_ = reply.sqlstate;
    error_ = reply.error;
    if (!reply.answer) return Refuse({reply.status, ""});
    CallAnswer& answer = *reply.answer;
    if (!AreSafe(answer.headers)) {
        error_ = "a header of the answer has a control character";
        return Refuse({500, ""});
    }
    LearnKey(answer);
    if (!answer.route.empty()) route_ = answer.route;
    if (request.path == "/metrics" && answer.status == 200) {
        const bool open = Find(answer.headers, "content-type").starts_with("application/openmetrics-text");
        AddMetrics(answer.body, server_.MetricsText(open));
    }
    next_ = HasBody(answer.status) && request.method != "HEAD" ? answer.next : std::nullopt;
    slices_end_ = !next_;
    if (next_ && answer.live && !BeginStream(answer)) return Refuse({503, ""});
    SendAnswer(answer.status, std::move(answer.headers), std::move(answer.body), answer.next.has_value());
}

void Session::LearnKey(const CallAnswer& answer) {
    if (!answer.key) return;
    key_name_ = answer.key->name;
    server_.CountUsage(answer.key->id, answer.refused);
    if (digest_)
        server_.keys().Learn(*digest_, *answer.key, began_);
    else if (answer.status != 429)
        server_.keys().CountInBody(*answer.key, began_);
}

// An answer of the gateway itself.
void Session::Refuse(const Refusal& refusal, int64_t retry_after) {
    const Request& request = reader_.request();
    Answer answer = ErrorAnswer(request.family, refusal.status, refusal.reason);
    if (retry_after > 0)
        for (auto& [name, value] : answer.headers)
            if (name == "retry-after") value = std::to_string(retry_after);
    if (refusal.status == 405)
        answer.headers.emplace_back("allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    const std::string_view origin = Find(request.headers, "origin");
    if (!origin.empty() && IsAllowedOrigin(origin, server_.settings().cors_origins)) {
        answer.headers.emplace_back("access-control-allow-origin", origin);
        answer.headers.emplace_back("vary", "origin");
    }
    const KnownKey* key = refusal.status == 429 && digest_ ? server_.keys().Find(*digest_) : nullptr;
    if (key) {
        key_name_ = key->name;
        server_.CountUsage(key->id, true);
    }
    server_.Release(std::exchange(held_, 0));
    next_.reset();
    slices_end_ = true;
    SendAnswer(answer.status, std::move(answer.headers), std::move(answer.body), false);
}

void Session::SendAnswer(int status, Headers headers, std::string body, bool sliced) {
    const Request& request = reader_.request();
    phase_ = Phase::kSending;
    SetWaiting(false);
    status_ = status;
    if (seconds_ == 0) seconds_ = SecondsSince(began_);
    const bool to_end = sliced && request.version < 11;
    keep_alive_ = request.keep_alive && !ending_ && !server_.is_ending() && !to_end;
    const bool bare = request.method == "HEAD" || !HasBody(status);
    chunked_ = sliced && !bare && request.version >= 11;
    std::string output =
        RenderHead(status, headers, body.size(), {request.version, keep_alive_, sliced, id_, ThisSecond()});
    if (!bare) {
        sent_ = body.size();
        if (!chunked_)
            output += body;
        else if (!body.empty())
            output += Chunk(body);
    }
    last_piece_ = Clock::now();
    Write(std::move(output), &Session::Continue);
}

void Session::Write(std::string text, void (Session::*then)()) {
    output_ = std::move(text);
    written_ = 0;
    write_began_ = Clock::now();
    WriteOn(then);
}

void Session::WriteOn(void (Session::*then)()) {
    const Settings& settings = server_.settings();
    if (phase_ == Phase::kSending) {
        Clock::time_point deadline = Clock::now() + settings.send_time;
        if (settings.body_rate > 0)
            deadline = std::min(deadline,
                                write_began_ + settings.send_time +
                                    milliseconds(written_ * 1000 / static_cast<size_t>(settings.body_rate)));
        SetDeadline(deadline);
    }
    const size_t length = std::min(output_.size() - written_, kAnswerPiece);
    transport_->Write(boost::asio::buffer(output_.data() + written_, length),
                      [self = shared_from_this(), then](const boost::system::error_code& error, size_t sent) {
                          if (self->phase_ == Phase::kClosed) return;
                          if (error) return self->Close();
                          self->written_ += sent;
                          if (self->written_ < self->output_.size()) return self->WriteOn(then);
                          std::string().swap(self->output_);
                          ((*self).*then)();
                      });
}

// What was written so far has gone: more of the body, its end, or the next request.
void Session::Continue() {
    if (!pending_.empty()) return Write(std::exchange(pending_, {}), &Session::Continue);
    if (live_ && !live_ended_) return NoDeadline();
    if (next_) return FetchSlice();
    if (chunked_ && std::exchange(chunked_, false)) return Write("0\r\n\r\n", &Session::Finish);
    Finish();
}

void Session::FetchSlice() {
    NoDeadline();
    const Request& request = reader_.request();
    server_.DatabaseFor(request.read_only)
        .FetchNext(*next_, request.lane, [self = shared_from_this()](Reply reply) {
            if (self->phase_ != Phase::kClosed) self->OnSlice(std::move(reply));
        });
}

void Session::OnSlice(Reply reply) {
    if (!reply.answer) {
        // The status has gone: only an end in the middle tells the client.
        error_ = reply.error;
        sqlstate_ = reply.sqlstate;
        LogRequest("a part of the answer could not be read");
        return Close();
    }
    next_ = reply.answer->next;
    std::string& body = reply.answer->body;
    if (body.empty()) return Continue();
    sent_ += body.size();
    Write(chunked_ ? Chunk(body) : std::move(body), &Session::Continue);
}

// ---- live streams ----

// Half of all clients at most: nothing makes them go.
bool Session::BeginStream(const CallAnswer& answer) {
    if (server_.streams().count() >= static_cast<size_t>(server_.settings().connections) / 2) return false;
    const Request& request = reader_.request();
    server_.streams().Add(*this, answer.key ? digest_.value_or("") : "", *next_, request.lane,
                          request.read_only, began_);
    next_.reset();
    live_ = true;
    live_ended_ = ending_ || server_.is_ending();
    return true;
}

void Session::Stream(const std::string& events) {
    if (live_ended_ || phase_ == Phase::kClosed) return;
    const bool silent = Clock::now() - last_piece_ > kSignOfLife;
    if (events.empty() && !silent) return;
    const std::string text = events.empty() ? ":\n\n" : events;
    last_piece_ = Clock::now();
    sent_ += text.size();
    pending_ += chunked_ ? Chunk(text) : text;
    if (pending_.size() > kMostPending) return Close("the client reads too slowly");
    if (output_.empty()) Continue();
}

void Session::EndStream(const Reply& reply) {
    if (phase_ == Phase::kClosed || std::exchange(live_ended_, true)) return;
    server_.streams().Remove(*this);
    error_ = reply.error;
    sqlstate_ = reply.sqlstate;
    if (output_.empty()) Continue();
}

void Session::Finish() {
    LogRequest();
    if (!keep_alive_ || ending_ || reader_.state() != RequestReader::State::kDone) return Linger();
    began_request_ = false;
    received_ = sent_ = 0;
    seconds_ = 0;
    status_ = 0;
    for (std::string* text : {&id_, &route_, &key_name_, &error_, &sqlstate_}) text->clear();
    digest_.reset();
    live_ = live_ended_ = false;
    phase_ = Phase::kIdle;
    SetWaiting(true);
    SetDeadline(server_.settings().idle_time);
    reader_.SetLimits(LimitsOf(server_.settings()));
    Handle(reader_.Next());
}

void Session::LogRequest(const char* error) {
    if (logged_) return;
    logged_ = true;
    const Request& request = reader_.request();
    if (seconds_ == 0) seconds_ = SecondsSince(began_);
    const std::string address = client_.address.Text();
    const std::string_view route = route_.empty() ? std::string_view("none") : route_;
    if (status_ != 0) server_.metrics().CountRequest(route, request.method, status_, request.lane, seconds_);
    server_.log().Request({time_, id_, address, request.method, route, status_, seconds_, received_, sent_,
                           key_name_, error_.empty() ? error : error_.c_str(), sqlstate_});
}

// Closing with input unread would reset the connection, and the client might never see the answer.
void Session::Linger() {
    phase_ = Phase::kLingering;
    SetDeadline(kLingerTime);
    transport_->EndSending([self = shared_from_this()](const boost::system::error_code& error, size_t) {
        if (self->phase_ == Phase::kClosed) return;
        if (error) return self->Close();
        self->DiscardInput();
    });
}

void Session::DiscardInput() {
    if (reading_) return;  // it continues here
    reading_ = true;
    buffer_.resize(std::max(buffer_.size(), size_t{2048}));
    transport_->Discard(boost::asio::buffer(buffer_),
                        [self = shared_from_this()](const boost::system::error_code& error, size_t length) {
                            self->reading_ = false;
                            if (self->phase_ == Phase::kClosed) return;
                            self->lingered_ += length;
                            if (error || self->lingered_ > kMostDiscarded) return self->Close();
                            self->DiscardInput();
                        });
}

}  // namespace pulse::web::gateway
