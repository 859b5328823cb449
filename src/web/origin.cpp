#include "pulse/web/origin.hpp"

#include <algorithm>
#include <set>
#include <string_view>

#include "pulse/base/ascii.hpp"
#include "pulse/base/error.hpp"
#include "pulse/base/utf8.hpp"

namespace pulse::web {

namespace {

constexpr size_t kMaxOrigin = 255;

bool IsAll(std::string_view text, std::string_view others) {
    return std::ranges::all_of(
        text, [&](char c) { return IsDigit(c) || IsLetter(c) || others.find(c) != std::string_view::npos; });
}

bool IsPort(std::string_view text) {
    return !text.empty() && text.size() <= 5 && std::ranges::all_of(text, IsDigit) &&
           std::stoi(std::string(text)) <= 65535;
}

// Names whose labels are not empty, after *. or not; addresses of IPv6 in brackets.
bool IsHost(std::string_view text) {
    if (text.starts_with('['))
        return text.size() > 2 && text.ends_with(']') && IsAll(text.substr(1, text.size() - 2), ":.");
    if (text.starts_with("*.")) text.remove_prefix(2);
    return !text.empty() && IsAll(text, ".-_") && text.front() != '.' && text.back() != '.' &&
           text.find("..") == std::string_view::npos;
}

bool IsOrigin(std::string_view text) {
    const size_t colon = text.find("://");
    if (colon == std::string_view::npos || text.size() > kMaxOrigin) return false;
    const std::string_view scheme = text.substr(0, colon);
    if (scheme.empty() || !IsLetter(scheme.front()) || !IsAll(scheme, "+-.")) return false;
    const std::string_view place = text.substr(colon + 3);
    const size_t port = place.find(':', place.starts_with('[') ? place.find(']') : 0);
    if (port == std::string_view::npos) return IsHost(place);
    return IsHost(place.substr(0, port)) && IsPort(place.substr(port + 1));
}

}  // namespace

std::vector<std::string> CheckOrigins(const std::vector<std::string>& origins) {
    if (origins.empty())
        ThrowInvalid("\"origins\" must not be empty", "", "Give null to allow all, or at least one.");
    if (origins.size() > kMaxOrigins)
        throw UserError(sqlstate::kProgramLimit, "an API key has too many origins",
                        "It has " + std::to_string(origins.size()) + ".",
                        "At most " + std::to_string(kMaxOrigins) + " are allowed.");
    std::set<std::string> found;
    for (const std::string& origin : origins) {
        if (!IsOrigin(origin))
            ThrowInvalid("invalid origin \"" + Shorten(origin, 100) + "\"", "",
                         "Give scheme, host and port without a path, such as https://shop.example, "
                         "http://localhost:3000 or https://*.example.com.");
        found.insert(LowerUtf8(origin));
    }
    return {found.begin(), found.end()};
}

}  // namespace pulse::web
