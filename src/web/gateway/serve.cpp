#include "pulse/web/gateway/serve.hpp"

#include <array>
#include <boost/asio/post.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <random>
#include <utility>

#include "pulse/base/error.hpp"
#include "pulse/base/json.hpp"
#include "pulse/web/gateway/serve_session.hpp"

namespace pulse::web::gateway {

namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

constexpr milliseconds kUsageEvery{60'000}, kAcceptAgain{100};
constexpr size_t kMostKeys = 100'000;

std::string Hex(uint64_t number) {
    std::array<char, 20> text{};
    const int length = snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(number));
    return {text.data(), static_cast<size_t>(length)};
}

http::IpAddress AddressOf(const tcp::socket& socket) {
    error_code error;
    const tcp::endpoint endpoint = socket.remote_endpoint(error);
    if (error) return {};
    return http::ParseIpAddress(endpoint.address().to_string()).value_or(http::IpAddress{});
}

}  // namespace

Server::Server(boost::asio::io_context& io, const Settings& settings, Log& log)
    : io_(io),
      settings_(settings),
      log_(log),
      primary_(io, settings_, settings.conninfo, "database", metrics_,
               [this](const char* level, const std::string& message) { log_.Message(level, message); }),
      acceptor_(io),
      retry_(io),
      usage_timer_(io),
      end_timer_(io) {
    if (!settings.read_conninfo.empty())
        standby_ = std::make_unique<Database>(
            io, settings_, settings.read_conninfo, "database for reading", metrics_,
            [this](const char* level, const std::string& message) { log_.Message(level, message); });
    std::random_device random;
    id_prefix_ = Hex(uint64_t{random()} << 32 | random());
    Reload(settings);
}

Server::~Server() = default;

void Server::Start() {
    tls_ = LoadTls(settings_);
    const tcp::endpoint endpoint(boost::asio::ip::make_address(settings_.address),
                                 static_cast<uint16_t>(settings_.port));
    acceptor_.open(endpoint.protocol());
    acceptor_.set_option(tcp::acceptor::reuse_address(true));
    acceptor_.bind(endpoint);
    acceptor_.listen(4096);
    primary_.Start();
    if (standby_) standby_->Start();
    Accept();
}

void Server::Reload(const Settings& settings) {
    settings_ = settings;
    trusted_ = Networks(settings.trusted_proxies);
    loopback_ = IsLoopback(settings.address);
    log_.SetLevel(settings.log);
    if (!acceptor_.is_open()) return;
    try {
        const auto tls = LoadTls(settings_);
        if (tls_ && !tls) throw std::runtime_error("a port with TLS does not go back to plain HTTP");
        tls_ = tls;
    } catch (const std::exception& error) {
        log_.Message("error", "the TLS certificate stays as it was", {{"error", error.what()}});
    }
}

// ---- clients ----

void Server::Accept() {
    acceptor_.async_accept([this](const error_code& error, tcp::socket socket) {
        if (ending_ || error == boost::asio::error::operation_aborted) return;
        if (!error) {
            OnAccept(std::move(socket));
            Accept();
            return;
        }
        // Out of descriptors, or the client has gone already.
        MakeRoom();
        retry_.expires_after(kAcceptAgain);
        retry_.async_wait([this](const error_code& cancelled) {
            if (!cancelled) Accept();
        });
    });
}

void Server::OnAccept(tcp::socket socket) {
    if (sessions_.size() >= static_cast<size_t>(settings_.connections)) {
        MakeRoom();
        if (sessions_.size() >= static_cast<size_t>(settings_.connections)) return;  // closes it
    }
    error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    const http::IpAddress address = AddressOf(socket);
    const auto session = std::make_shared<Session>(*this, MakeTransport(std::move(socket), tls_), address);
    sessions_.emplace(session.get(), session);
    session->Start();
}

// Half a request is worth no more than none: so slow clients cannot take all places.
void Server::MakeRoom() {
    if (!waiting_.empty()) waiting_.front()->Close("it made room for another client");
}

void Server::Forget(Session* session) {
    const auto found = sessions_.find(session);
    if (found == sessions_.end()) return;
    // It may be at work: it ends when its caller returns.
    boost::asio::post(io_, [kept = found->second] {});
    sessions_.erase(found);
    if (ending_) EndWhenEmpty();
}

bool Server::Reserve(size_t bytes) {
    if (reserved_ + bytes > static_cast<size_t>(settings_.memory)) return false;
    reserved_ += bytes;
    return true;
}

std::string Server::MakeRequestId() {
    return id_prefix_ + Hex(next_id_++);
}

Database& Server::DatabaseFor(bool read_only) {
    return read_only && standby_ && !standby_->is_down() ? *standby_ : primary_;
}

std::string Server::MetricsText(bool open_metrics) const {
    std::array<LaneState, 3> lanes;
    for (const Lane lane : kLanes) {
        LaneState& sum = lanes[static_cast<size_t>(lane)];
        sum = primary_.StateOf(lane);
        if (!standby_) continue;
        const LaneState more = standby_->StateOf(lane);
        sum = {sum.open + more.open, sum.busy + more.busy, sum.queued + more.queued};
    }
    return metrics_.Text(static_cast<int64_t>(sessions_.size()), lanes, open_metrics);
}

// ---- usage of keys ----

void Server::CountUsage(int64_t key, bool refused) {
    if (usage_.size() >= kMostKeys && !usage_.contains(key)) return;
    Usage& usage = usage_[key];
    ++usage.requests;
    usage.refusals += refused;
    ArmUsage();
}

void Server::ArmUsage() {
    if (usage_armed_ || ending_) return;
    usage_armed_ = true;
    usage_timer_.expires_after(kUsageEvery);
    usage_timer_.async_wait([this](const error_code& error) {
        if (error) return;
        usage_armed_ = false;
        SendUsage([this] {
            if (!usage_.empty()) ArmUsage();
        });
    });
}

void Server::SendUsage(std::function<void()> done) {
    if (usage_.empty()) return done();
    nlohmann::json list = nlohmann::json::array();
    for (const auto& [key, usage] : usage_)
        list.push_back({{"key", key}, {"requests", usage.requests}, {"refusals", usage.refusals}});
    auto call = std::make_shared<Call>();
    call->method = "POST";
    call->path = "/gateway/usage";
    call->headers = "{}";
    call->body = DumpJson({{"usage", std::move(list)}});
    call->client = R"({"gateway": true})";
    auto sent = std::make_shared<std::map<int64_t, Usage>>();
    sent->swap(usage_);
    primary_.Submit(call, [this, sent, done = std::move(done)](Reply reply) {
        // A connection that broke may have counted them: better too few than twice.
        const bool lost = !reply.answer && reply.sqlstate == sqlstate::kConnectionLost;
        const bool counted = reply.answer && reply.answer->status < 300;
        if (!counted && !lost) {
            for (const auto& [key, usage] : *sent) {
                usage_[key].requests += usage.requests;
                usage_[key].refusals += usage.refusals;
            }
        }
        done();
    });
}

// ---- the end ----

void Server::ShutDown(std::function<void()> done) {
    if (ending_) return;
    ending_ = true;
    ended_ = std::move(done);
    error_code ignored;
    acceptor_.close(ignored);
    retry_.cancel();
    usage_timer_.cancel();
    end_timer_.expires_after(settings_.shutdown_time);
    end_timer_.async_wait([this](const error_code& error) {
        if (error) return;
        const auto sessions = sessions_;
        for (const auto& [session, kept] : sessions) session->Close("the gateway ends");
    });
    const auto sessions = sessions_;
    for (const auto& [session, kept] : sessions) session->End();
    EndWhenEmpty();
}

void Server::EndWhenEmpty() {
    if (!sessions_.empty() || !ended_) return;
    const auto done = std::exchange(ended_, nullptr);
    end_timer_.cancel();
    // The database may be away: it has a moment to take the last counts.
    const auto finish = std::make_shared<std::function<void()>>([this, done] {
        primary_.Stop();
        if (standby_) standby_->Stop();
        done();
    });
    usage_timer_.expires_after(milliseconds(2'000));
    usage_timer_.async_wait([finish](const error_code&) {
        if (const auto once = std::exchange(*finish, nullptr)) once();
    });
    SendUsage([this] { usage_timer_.cancel(); });
}

}  // namespace pulse::web::gateway
