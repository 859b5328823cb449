// One client: its requests, one after the other, and their answers.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pulse/web/gateway/database.hpp"
#include "pulse/web/gateway/network.hpp"
#include "pulse/web/gateway/request_reader.hpp"
#include "pulse/web/gateway/response.hpp"
#include "pulse/web/gateway/serve_transport.hpp"

namespace pulse::web::gateway {

class Server;

// The limits of requests among the settings.
RequestLimits LimitsOf(const Settings& settings);

class Session : public std::enable_shared_from_this<Session> {
  public:
    Session(Server& server, std::unique_ptr<Transport> transport, const http::IpAddress& peer);

    void Start();
    // End now if no request is under way, else after it.
    void End();
    void Close(const char* why = "the client went away");

    // More of a live stream; empty: nothing happened. And its end, with the error where there is one.
    void Stream(const std::string& events);
    void EndStream(const Reply& reply);

  private:
    // ---- serve_session.cpp: reading requests ----
    void Read();
    void OnRead(size_t length);
    void Handle(RequestReader::State state);
    void BeginRequest();
    Refusal CheckRequest();
    void Invite();
    void Serve();
    bool Hold();
    void SetWaiting(bool waiting);

    // ---- serve_answer.cpp: sending answers ----
    void OnReply(Reply reply);
    void LearnKey(const CallAnswer& answer);
    void Refuse(const Refusal& refusal, int64_t retry_after = 0);
    void SendAnswer(int status, Headers headers, std::string body, bool sliced);
    void Write(std::string text, void (Session::*then)());
    void WriteOn(void (Session::*then)());
    void Continue();
    void FetchSlice();
    void OnSlice(Reply reply);
    bool BeginStream(const CallAnswer& answer);
    void Finish();
    void LogRequest(const char* error = "");
    void Linger();
    void DiscardInput();

    // ---- serve_session.cpp: time ----
    void SetDeadline(Clock::time_point deadline);
    void SetDeadline(milliseconds from_now) { SetDeadline(Clock::now() + from_now); }
    void NoDeadline() { SetDeadline(Clock::time_point::max()); }
    void Arm();
    void OnDeadline();

    Server& server_;
    std::unique_ptr<Transport> transport_;
    Client peer_, client_;
    RequestReader reader_;
    std::vector<char> buffer_;
    enum class Phase { kHandshake, kIdle, kHead, kBody, kWaiting, kSending, kLingering, kClosed };
    Phase phase_ = Phase::kHandshake;
    bool ending_ = false, reading_ = false;
    std::optional<std::list<Session*>::iterator> waiting_place_;
    size_t held_ = 0;  // bytes that the server counts for this session

    boost::asio::steady_timer timer_;
    Clock::time_point deadline_ = Clock::time_point::max(), armed_ = Clock::time_point::max();

    // The request under way.
    std::string id_;
    std::optional<std::string> digest_;
    Clock::time_point began_;  // of the head, then of the body, then of the work
    std::chrono::system_clock::time_point time_;
    size_t received_ = 0, sent_ = 0;
    bool began_request_ = false, logged_ = true;
    int status_ = 0;
    double seconds_ = 0;
    std::string route_, key_name_, error_, sqlstate_;

    // The answer under way.
    std::string output_;
    size_t written_ = 0;
    bool keep_alive_ = false, chunked_ = false, slices_end_ = false;
    bool live_ = false, live_ended_ = false;
    std::string pending_;  // of a live stream, while what came before is being written
    std::optional<std::string> next_;
    Clock::time_point last_piece_, write_began_;
    size_t lingered_ = 0;
};

}  // namespace pulse::web::gateway
