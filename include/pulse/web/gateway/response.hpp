// The bytes of an answer. Pure C++.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "pulse/web/answer.hpp"
#include "pulse/web/gateway/head_check.hpp"

namespace pulse::web::gateway {

// How an answer goes out.
struct Framing {
    int version = 11;
    bool keep_alive = false;
    bool sliced = false;            // the length is not known: chunks, or until the end of the connection
    std::string_view request = {};  // its id
    std::chrono::sys_seconds now = {};
};

// Whether the headers can be sent: names are tokens, values have no control characters.
bool AreSafe(const Headers& headers);

// The head, with all that belongs to the connection; `headers` are the answer's own. Needs AreSafe().
std::string RenderHead(int status, const Headers& headers, size_t length, const Framing& framing);

// Whether an answer with this status has a body.
bool HasBody(int status);

// A piece of a chunked body; the last one is empty.
std::string Chunk(std::string_view piece);

// "Sun, 06 Nov 1994 08:49:37 GMT"
std::string HttpDate(std::chrono::sys_seconds time);

}  // namespace pulse::web::gateway
