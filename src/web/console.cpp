#include "pulse/web/console.hpp"

#include <algorithm>

#include "pulse/base/ascii.hpp"
#include "pulse/base/hex.hpp"
#include "pulse/base/utf8.hpp"

namespace pulse::web {

namespace {

constexpr size_t kTokenDigits = 64;
constexpr std::string_view kHexDigits = "0123456789abcdef";

std::string_view WithoutBlanks(std::string_view text) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    return text;
}

bool IsToken(std::string_view text) {
    return text.size() == kTokenDigits && text.find_first_not_of(kHexDigits) == std::string_view::npos;
}

}  // namespace

bool IsConsolePath(const std::vector<std::string>& path) {
    return !path.empty() && path.front() == "console";
}

std::vector<std::string> RoutePath(std::vector<std::string> path) {
    if (path.size() > 2 && path[0] == "console" && path[1] == "api")
        path.erase(path.begin(), path.begin() + 2);
    return path;
}

std::optional<std::string> SessionToken(std::string_view cookies) {
    while (!cookies.empty()) {
        const size_t end = std::min(cookies.find(';'), cookies.size());
        const std::string_view cookie = WithoutBlanks(cookies.substr(0, end));
        cookies.remove_prefix(std::min(end + 1, cookies.size()));
        const size_t equals = cookie.find('=');
        if (equals == std::string_view::npos || cookie.substr(0, equals) != kSessionCookie) continue;
        if (IsToken(cookie.substr(equals + 1))) return std::string(cookie.substr(equals + 1));
    }
    return std::nullopt;
}

std::string SessionCookie(std::string_view token, bool secure) {
    std::string cookie(kSessionCookie);
    cookie.append("=").append(token);
    cookie += "; Max-Age=" + std::to_string(token.empty() ? 0 : kSessionTime) + "; HttpOnly; SameSite=Strict";
    if (secure) cookie += "; Secure";
    return cookie;
}

std::string MakeSessionToken(std::string_view random_bytes) {
    return ToHex(random_bytes);
}

std::string ForgeryProblem(const Request& request) {
    if (request.Header("x-pulse-console").empty())
        return "The header X-Pulse-Console is missing, which only pages of the console can send.";
    // Browsers say it themselves: no page can change it, and no proxy in front confuses it.
    const std::string_view site = request.Header("sec-fetch-site");
    if (!site.empty()) return site == "same-origin" ? "" : "The browser says that another page sent it.";
    const std::string_view origin = request.Header("origin");
    const size_t scheme = origin.find("://");
    if (scheme == std::string_view::npos) return "The header Origin is missing.";
    const std::string_view host = request.Header("host");
    const bool same = !host.empty() && LowerUtf8(origin.substr(scheme + 3)) == LowerUtf8(host);
    return same ? "" : "Origin is not the host that the request is for.";
}

}  // namespace pulse::web
