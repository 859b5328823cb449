#include "pulse/web/gateway/serve_session.hpp"

#include <algorithm>
#include <utility>

#include "pulse/base/ascii.hpp"
#include "pulse/web/console.hpp"
#include "pulse/web/gateway/body_decoder.hpp"
#include "pulse/web/gateway/fold.hpp"
#include "pulse/web/gateway/presented_key.hpp"
#include "pulse/web/gateway/serve.hpp"
#include "pulse/web/gateway/serve_console.hpp"
#include "pulse/web/request.hpp"

namespace pulse::web::gateway {

namespace {

// An idle connection keeps the small one.
constexpr size_t kSmallBuffer = 2 << 10, kLargeBuffer = 64 << 10;

// A key cannot be guessed, but attempts must not keep the database busy.
constexpr int64_t kSignInsAMinute = 10;

// One that another site makes a browser send is refused before its key is looked at, and must not use up the
// attempts of the person in front of it.
bool IsSignIn(const Request& request) {
    if (request.method != "POST" || !request.route || request.route->path != "/console/session") return false;
    web::Request head;
    for (const char* name : {"x-pulse-console", "sec-fetch-site", "origin", "host"})
        head.headers.emplace(name, Find(request.headers, name));
    return ForgeryProblem(head).empty();
}

// An id that a client gives is taken only if it is harmless in a log.
bool IsSafeId(std::string_view id) {
    return !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), [](char c) {
        return IsLetter(c) || IsDigit(c) || c == '-' || c == '_' || c == '.';
    });
}

}  // namespace

RequestLimits LimitsOf(const Settings& settings) {
    return {static_cast<size_t>(settings.head), static_cast<size_t>(settings.target),
            static_cast<size_t>(settings.body), static_cast<size_t>(settings.large_body)};
}

Session::Session(Server& server, std::unique_ptr<Transport> transport, const http::IpAddress& peer)
    : server_(server),
      transport_(std::move(transport)),
      peer_{peer, transport_->is_tls()},
      client_(peer_),
      reader_(LimitsOf(server.settings())),
      timer_(server.io()) {}

void Session::Start() {
    SetWaiting(true);
    if (peer_.tls) SetDeadline(server_.settings().header_time);
    transport_->Handshake([self = shared_from_this()](const boost::system::error_code& error, size_t) {
        if (self->phase_ == Phase::kClosed) return;
        if (error) return self->Close();
        self->phase_ = Phase::kIdle;
        self->SetDeadline(self->server_.settings().idle_time);
        self->Read();
    });
}

void Session::Close(const char* why) {
    if (phase_ == Phase::kClosed) return;
    phase_ = Phase::kClosed;
    SetWaiting(false);
    LogRequest(why);
    server_.Release(std::exchange(held_, 0));
    server_.streams().Remove(*this);
    timer_.cancel();
    transport_->Close();
    server_.Forget(this);
}

void Session::End() {
    ending_ = true;
    if (phase_ == Phase::kIdle || phase_ == Phase::kHandshake) return Close("the gateway ends");
    if (live_) EndStream({});
}

// Whoever waits for its client may have to make room for another one.
void Session::SetWaiting(bool waiting) {
    if (waiting == waiting_place_.has_value()) return;
    std::list<Session*>& list = server_.waiting();
    if (waiting) {
        waiting_place_ = list.insert(list.end(), this);
    } else {
        list.erase(*waiting_place_);
        waiting_place_.reset();
    }
}

// ---- reading requests ----

void Session::Read() {
    reading_ = true;
    const size_t size = phase_ == Phase::kBody ? kLargeBuffer : kSmallBuffer;
    if (buffer_.size() != size) {
        buffer_.resize(size);
        buffer_.shrink_to_fit();
    }
    transport_->Read(boost::asio::buffer(buffer_),
                     [self = shared_from_this()](const boost::system::error_code& error, size_t length) {
                         self->reading_ = false;
                         if (self->phase_ == Phase::kClosed) return;
                         if (error) return self->Close();
                         self->OnRead(length);
                     });
}

void Session::OnRead(size_t length) {
    if (phase_ == Phase::kLingering) return DiscardInput();
    if (phase_ != Phase::kIdle && phase_ != Phase::kHead && phase_ != Phase::kBody) return;
    received_ += length;
    Handle(reader_.Feed(std::string_view(buffer_.data(), length)));
}

void Session::Handle(RequestReader::State state) {
    if (state == RequestReader::State::kIdle) {
        Read();
        return;
    }
    if (phase_ == Phase::kIdle) {
        phase_ = Phase::kHead;
        began_ = Clock::now();
        time_ = std::chrono::system_clock::now();
        if (state == RequestReader::State::kHead) SetDeadline(server_.settings().header_time);
    }
    if (state == RequestReader::State::kHead) {
        Read();
        return;
    }
    if (state == RequestReader::State::kBody && !began_request_) {
        BeginRequest();
        const Refusal refusal = CheckRequest();
        const int64_t wait = refusal ? 0 : [&] {
            const int64_t address =
                server_.addresses().Take(client_.address, server_.settings().rate, began_);
            const int64_t sign_in = IsSignIn(reader_.request())
                                        ? server_.sign_ins().Take(client_.address, kSignInsAMinute, began_)
                                        : 0;
            return std::max({address, sign_in, digest_ ? server_.keys().Take(*digest_, began_) : 0});
        }();
        // What has come with the head is read, so that the connection stays usable.
        state = reader_.Feed({});
        const bool whole = state == RequestReader::State::kDone;
        if (!whole && state != RequestReader::State::kRefused && (refusal || wait > 0))
            reader_.request().keep_alive = false;
        if (refusal) return Refuse(refusal);
        if (wait > 0) return Refuse({429, ""}, wait);
        if (state == RequestReader::State::kBody && reader_.request().expects_continue) return Invite();
    }
    if (state == RequestReader::State::kRefused) {
        if (!began_request_) BeginRequest();
        Refuse(reader_.refusal());
        return;
    }
    if (!Hold()) {
        reader_.request().keep_alive = false;
        error_ = "the bodies of all requests together are too large";
        Refuse({503, ""});
        return;
    }
    if (state == RequestReader::State::kDone) {
        Serve();
        return;
    }
    const Settings& settings = server_.settings();
    Clock::time_point deadline = began_ + settings.body_time;
    if (settings.body_rate > 0)
        deadline =
            std::min(deadline, began_ + settings.header_time +
                                   milliseconds(received_ * 1000 / static_cast<size_t>(settings.body_rate)));
    SetDeadline(deadline);
    Read();
}

void Session::BeginRequest() {
    began_request_ = true;
    logged_ = false;
    phase_ = Phase::kBody;
    began_ = Clock::now();
    const Request& request = reader_.request();
    const std::string_view given = Find(request.headers, "x-request-id");
    id_ = IsSafeId(given) ? std::string(given) : server_.MakeRequestId();
    client_ = FindClient(peer_, Find(request.headers, "x-forwarded-for"),
                         Find(request.headers, "x-forwarded-proto"), server_.trusted());
    digest_ = DigestOfKey(request);
    if (request.route) route_ = request.route->path;
}

Refusal Session::CheckRequest() {
    const Request& request = reader_.request();
    const std::vector<std::string>& hosts = server_.settings().hosts;
    const std::string_view host = Find(request.headers, "host");
    const bool checked = server_.is_loopback() || !hosts.empty();
    if (checked && (request.version >= 11 || !host.empty()) && !IsOurHost(host, hosts, server_.is_loopback()))
        return {421, ""};
    return {};
}

// The client waits for this before it sends the body.
void Session::Invite() {
    SetDeadline(server_.settings().body_time);
    Write("HTTP/1.1 100 Continue\r\n\r\n", &Session::Read);
}

// Count what is kept of the request.
bool Session::Hold() {
    const size_t size = reader_.size();
    if (size <= held_) return true;
    if (!server_.Reserve(size - held_)) return false;
    held_ = size;
    return true;
}

void Session::Serve() {
    phase_ = Phase::kWaiting;
    SetWaiting(false);
    NoDeadline();
    began_ = Clock::now();
    Request& request = reader_.request();
    const Refusal refusal = DecodeBody(request.body, Find(request.headers, "content-encoding"),
                                       static_cast<size_t>(server_.settings().inflated_body));
    if (refusal) return Refuse(refusal);
    if (!Hold()) return Refuse({503, ""});
    if (auto answer = AnswerConsole(request, server_.settings().console == "on",
                                    server_.settings().console_directory)) {
        route_ = "/console/";
        server_.Release(std::exchange(held_, 0));
        next_.reset();
        slices_end_ = true;
        return SendAnswer(answer->status, std::move(answer->headers), std::move(answer->body), false);
    }
    auto call = std::make_shared<Call>();
    call->method = request.method;
    call->path = request.path;
    call->query = request.query;
    call->headers = HeadersJson(request.headers);
    call->group = FoldGroup(request, digest_);
    call->body = std::move(request.body);
    // The database finds a key in the body, which the gateway does not read.
    const bool in_body = !digest_ && request.route && request.route->access == Access::kSend;
    call->client =
        ClientJson(client_, id_, server_.settings().cors_origins,
                   in_body ? server_.keys().Exhausted(began_) : std::vector<std::pair<int64_t, int64_t>>());
    call->lane = request.lane;
    call->read_only = request.read_only;
    server_.DatabaseFor(call->read_only).Submit(call, [self = shared_from_this()](Reply reply) {
        if (self->phase_ == Phase::kClosed) return;
        self->OnReply(std::move(reply));
    });
}

// ---- time ----

// The timer is set anew only when the deadline comes before it: most requests never touch it.
void Session::SetDeadline(Clock::time_point deadline) {
    deadline_ = deadline;
    if (deadline_ < armed_) Arm();
}

void Session::Arm() {
    armed_ = deadline_;
    timer_.expires_at(armed_);
    timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
        const std::shared_ptr<Session> self = weak.lock();
        if (error || !self || self->phase_ == Phase::kClosed) return;
        self->armed_ = Clock::time_point::max();
        if (self->deadline_ == Clock::time_point::max()) return;
        if (Clock::now() < self->deadline_)
            self->Arm();
        else
            self->OnDeadline();
    });
}

void Session::OnDeadline() {
    // While something is written, such as the invitation to send the body, nothing else can be.
    if ((phase_ != Phase::kHead && phase_ != Phase::kBody) || !output_.empty()) return Close();
    // A read is under way: its handler finds another phase.
    if (!began_request_) BeginRequest();
    reader_.request().keep_alive = false;
    Refuse({408, ""});
}

}  // namespace pulse::web::gateway
