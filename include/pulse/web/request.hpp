// HTTP requests as the gateway passes them on, and what Pulse reads from their heads. Pure C++.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pulse/web/answer.hpp"
#include "pulse/web/key.hpp"
#include "pulse/web/route.hpp"

namespace pulse::web {

using Pairs = std::vector<std::pair<std::string, std::string>>;

struct Request {
    std::string method, path, query;                          // as sent
    std::map<std::string, std::string, std::less<>> headers;  // names in lower case
    std::string body;
    // What the gateway knows of the client:
    std::string address, id;
    bool tls = false;
    bool console = false;                             // its path is below /console: a session is a key, too
    bool from_gateway = false;                        // a request of the gateway itself
    bool folded = false;                              // several: the body is an array of their bodies
    std::optional<std::vector<std::string>> origins;  // of web pages that may read answers; all if empty
    std::map<int64_t, int64_t> exhausted;  // ids of keys that may not send now: the seconds until they may

    // Empty if there is none.
    std::string_view Header(std::string_view name) const;
};

// An answer that is no success: `status`, and texts for people. Errors of the database and of Pulse's
// functions become one by their SQLSTATE.
class Refusal : public std::exception {
  public:
    // `retry_after` are seconds; 0: as long as ErrorAnswer() says. `code`: as CodeOf() says.
    Refusal(int status, std::string message, std::string detail = "", int64_t retry_after = 0,
            std::string_view code = {})
        : status_(status),
          message_(std::move(message)),
          detail_(std::move(detail)),
          retry_after_(retry_after),
          code_(code) {}

    const char* what() const noexcept override { return message_.c_str(); }
    int status() const noexcept { return status_; }
    const std::string& message() const noexcept { return message_; }
    const std::string& detail() const noexcept { return detail_; }
    int64_t retry_after() const noexcept { return retry_after_; }
    std::string_view code() const noexcept { return code_; }

  private:
    int status_;
    std::string message_, detail_;
    int64_t retry_after_;
    std::string_view code_;
};

// An API key in a request. One in the query is seen by proxies and histories, so it may only send.
struct PresentedKey {
    std::string text;
    bool in_query = false;
};

// The key in the headers (Bearer, the user of Basic, X-API-Key, X-Write-Key), else in the query (apiKey,
// api_key, writeKey); empty if there is none.
std::optional<PresentedKey> FindPresentedKey(const Request& request, const Pairs& query);

// Whether a kind of key has what a route needs.
bool Allows(KeyKind kind, Access access);

// The first value of a name; empty if there is none.
const std::string* FindValue(const Pairs& pairs, std::string_view name);

// Whether an origin is one of a list of CheckOrigins().
bool MatchesOrigin(const std::vector<std::string>& allowed, std::string_view origin);

// Add what lets the web pages that may read it read an answer.
void AddCorsHeaders(const Request& request, Answer& answer);
// The answer to a preflight for a path with these methods.
Answer PreflightAnswer(const Request& request, const std::vector<std::string_view>& methods);

// The entity tag of a body, in quotes.
std::string EntityTag(std::string_view body);
// Whether If-None-Match names the tag: a list, weak ones too, with or without quotes.
bool MatchesTag(std::string_view if_none_match, std::string_view tag);

// The values of the parameters of a route, without those in the body; null where a request has none. Throws
// Refusal.
std::vector<std::optional<std::string>> ReadParameters(const Route& route,
                                                       const std::vector<std::string>& in_path,
                                                       const Pairs& query);

// Check a text for a parameter's type and limits, and return it as PostgreSQL reads it. Throws Refusal.
std::string CheckValue(const Parameter& parameter, const std::string& text);

// An event of a route that is for one type of them: {"type": "track", …}, unless the event has a type.
std::string WithType(std::string_view event, std::string_view type);

}  // namespace pulse::web
