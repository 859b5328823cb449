// Requests of the console, the pages that the gateway serves below /console/: their paths, their session and
// what keeps other pages from using it. Pure C++.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pulse/web/request.hpp"

namespace pulse::web {

// Whether a path is one of the console's.
bool IsConsolePath(const std::vector<std::string>& path);
// The path of the route that a request asks for: /console/api/v1/audit is /v1/audit. A browser sends the
// cookie of a session only below /console, so that is where it reaches all other routes, too.
std::vector<std::string> RoutePath(std::vector<std::string> path);

inline constexpr std::string_view kSessionCookie = "pulse_session";
// How long a session lasts, in seconds, and how many a key has at most: the oldest ends for a new one.
inline constexpr int64_t kSessionTime = 12 * 60 * 60;
inline constexpr int64_t kMostSessions = 20;

// The token in a Cookie header: 64 hexadecimal digits; empty if there is none.
std::optional<std::string> SessionToken(std::string_view cookies);
// The Set-Cookie header that gives a browser the token, or takes it away if it is empty. It names no path:
// the browser takes that of the sign-in, whatever prefix a proxy puts in front.
std::string SessionCookie(std::string_view token, bool secure);

// A token of random bytes.
std::string MakeSessionToken(std::string_view random_bytes);
// What shows that somebody had a token, for KeyProof(): "session".
inline constexpr std::string_view kSessionProof = "session";

// Why a request that changes something does not come from a page of the console; empty if it does.
std::string ForgeryProblem(const Request& request);

}  // namespace pulse::web
