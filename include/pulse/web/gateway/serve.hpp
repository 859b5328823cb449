// The gateway: it accepts clients, and owns what their sessions share.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>

#include "pulse/web/gateway/database.hpp"
#include "pulse/web/gateway/serve_live.hpp"
#include "pulse/web/gateway/serve_log.hpp"
#include "pulse/web/gateway/metrics.hpp"
#include "pulse/web/gateway/network.hpp"
#include "pulse/web/gateway/rate_limiter.hpp"
#include "pulse/web/gateway/settings.hpp"

namespace pulse::web::gateway {

class Session;

class Server {
  public:
    Server(boost::asio::io_context& io, const Settings& settings, Log& log);
    ~Server();

    // Listen and connect. Throws std::exception that says what is wrong.
    void Start();
    // Use new settings, where they need no restart.
    void Reload(const Settings& settings);
    // Accept nobody, let requests finish, then call `done`.
    void ShutDown(std::function<void()> done);
    bool is_ending() const { return ending_; }
    int port() const { return acceptor_.local_endpoint().port(); }

    // ---- for sessions ----
    const Settings& settings() const { return settings_; }
    const Networks& trusted() const { return trusted_; }
    bool is_loopback() const { return loopback_; }
    AddressLimiter& addresses() { return addresses_; }
    AddressLimiter& sign_ins() { return sign_ins_; }
    KeyLimiter& keys() { return keys_; }
    Metrics& metrics() { return metrics_; }
    Log& log() { return log_; }
    boost::asio::io_context& io() { return io_; }
    std::string MakeRequestId();
    // The database for a call, and all of its metrics as text.
    Database& DatabaseFor(bool read_only);
    std::string MetricsText(bool open_metrics) const;
    void CountUsage(int64_t key, bool refused);
    LiveStreams& streams() { return streams_; }

    // Sessions that wait for their clients, the longest first: they make room for others.
    std::list<Session*>& waiting() { return waiting_; }
    void Forget(Session* session);
    // Bytes of bodies that are kept. Returns false if they would be too many.
    bool Reserve(size_t bytes);
    void Release(size_t bytes) { reserved_ -= bytes; }

  private:
    void Accept();
    void OnAccept(boost::asio::ip::tcp::socket socket);
    void MakeRoom();
    void SendUsage(std::function<void()> done);
    void ArmUsage();
    void EndWhenEmpty();

    boost::asio::io_context& io_;
    Settings settings_;
    Log& log_;
    Metrics metrics_;
    Networks trusted_;
    bool loopback_ = true, ending_ = false;
    AddressLimiter addresses_, sign_ins_;
    KeyLimiter keys_;
    Database primary_;
    std::unique_ptr<Database> standby_;
    boost::asio::ip::tcp::acceptor acceptor_;
    boost::asio::steady_timer retry_, usage_timer_, end_timer_;
    std::shared_ptr<boost::asio::ssl::context> tls_;
    LiveStreams streams_{*this};
    std::map<Session*, std::shared_ptr<Session>> sessions_;
    std::list<Session*> waiting_;
    size_t reserved_ = 0;
    struct Usage {
        int64_t requests = 0, refusals = 0;
    };
    std::map<int64_t, Usage> usage_;
    bool usage_armed_ = false;
    std::string id_prefix_;
    uint64_t next_id_ = 0;
    std::function<void()> ended_;
};

}  // namespace pulse::web::gateway
