// A request as the arguments of pulse_http(), and its answer. Pure C++.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pulse/web/answer.hpp"
#include "pulse/web/gateway/network.hpp"
#include "pulse/web/gateway/rate_limiter.hpp"
#include "pulse/web/gateway/request_reader.hpp"

namespace pulse::web::gateway {

// The arguments of pulse_http().
struct Call {
    std::string method, path;
    std::optional<std::string> query;
    std::string headers, body, client;  // the first and the last are JSON

    Lane lane = Lane::kOther;
    bool read_only = false;
    std::string group;  // of FoldGroup()
};

// `headers` as JSON, without what only concerned the connection.
std::string HeadersJson(const Headers& headers);
// The argument `client`. `cors` are the origins that may read answers; empty: all. `exhausted` are ids of
// keys that may not send now, with the seconds until they may.
std::string ClientJson(const Client& client, std::string_view request, const std::vector<std::string>& cors,
                       const std::vector<std::pair<int64_t, int64_t>>& exhausted = {});

// An answer of pulse_http().
struct CallAnswer {
    int status = 200;
    Headers headers;
    std::string body;
    std::optional<KnownKey> key;
    bool refused = false;             // counts as a refusal of the key
    std::string route;                // its path template
    std::optional<std::string> next;  // more of the body comes by pulse_http_next()
    bool live = false;                // a stream: ask for more every second
};

// Reads the columns of pulse_http(); jsonb as text. Empty: they are not an answer.
std::optional<CallAnswer> ReadAnswer(int status, std::string_view headers, std::string_view body,
                                     std::string_view info);

}  // namespace pulse::web::gateway
