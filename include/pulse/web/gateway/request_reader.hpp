// Reads HTTP/1.0 and 1.1 requests from bytes, without a socket: checks, Boost.Beast's parser, the route. Pure
// C++.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "pulse/web/gateway/head_check.hpp"
#include "pulse/web/route.hpp"

namespace pulse::web::gateway {

struct RequestLimits {
    size_t head = 16 << 10, target = 8 << 10, body = 1 << 20, large_body = 10 << 20;
};

struct Request {
    std::string method;
    std::string path;
    std::optional<std::string> query;
    int version = 11;
    Headers headers;  // repeated ones are joined
    std::string body;
    bool keep_alive = false;
    bool expects_continue = false;

    const Route* route = nullptr;
    Family family = Family::kPulse;
    Lane lane = Lane::kOther;
    bool read_only = false;
    size_t body_limit = 0;
};

class RequestReader {
  public:
    explicit RequestReader(const RequestLimits& limits);
    ~RequestReader();
    RequestReader(RequestReader&&) noexcept;

    enum class State {
        kIdle,     // no byte of a request is there
        kHead,     // the head is incomplete
        kBody,     // the head is complete and accepted, the body is not complete
        kDone,     // request() is complete
        kRefused,  // see refusal(); nothing can follow
    };

    // Add bytes and read on. A complete head returns kBody once before the body is read, so that the caller
    // can invite the body; call it again then, without bytes.
    State Feed(std::string_view bytes);
    State state() const { return state_; }

    // What is known of the request.
    Request& request() { return request_; }
    const Refusal& refusal() const { return refusal_; }
    // Whether bytes are there that were not read yet.
    bool has_input() const { return !input_.empty(); }
    // Bytes that are kept.
    size_t size() const;

    // Begin the next request with what is left. Needs kDone.
    State Next();
    void SetLimits(const RequestLimits& limits) { limits_ = limits; }

  private:
    struct Parser;
    State ReadHead();
    State ReadBody();
    State Refuse(int status, const char* reason);
    void TakeHead();
    Refusal CheckTarget(std::string_view target);
    Refusal CheckBody();

    RequestLimits limits_;
    State state_ = State::kIdle;
    std::string input_;
    HeadScanner scanner_;
    std::unique_ptr<Parser> parser_;
    Request request_;
    Refusal refusal_;
};

}  // namespace pulse::web::gateway
