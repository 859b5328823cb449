#include "pulse/web/change.hpp"

#include <algorithm>
#include <charconv>

namespace pulse::web {

namespace {

// How long clients wait before they connect again.
constexpr const char* kRetry = "retry: 3000\n";
constexpr std::string_view kTokenPrefix = "changes:";

std::optional<int64_t> ParseCount(std::string_view text) {
    int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
    return number;
}

// Whether PostgreSQL reads it as a snapshot: xmin <= xmax, and in order what ran between them.
bool IsSnapshot(std::string_view text) {
    const size_t first = text.find(':'), second = text.find(':', first + 1);
    if (second == std::string_view::npos) return false;
    const auto xmin = ParseCount(text.substr(0, first)),
               xmax = ParseCount(text.substr(first + 1, second - first - 1));
    if (!xmin || !xmax || *xmin < 1 || *xmax < *xmin) return false;
    std::string_view running = text.substr(second + 1);
    for (int64_t least = *xmin; !running.empty();) {
        const size_t end = std::min(running.find(','), running.size());
        const auto xid = ParseCount(running.substr(0, end));
        if (!xid || *xid < least || *xid >= *xmax) return false;
        least = *xid;
        running.remove_prefix(std::min(end + 1, running.size()));
    }
    return true;
}

}  // namespace

std::optional<ChangePosition> ParseChangePosition(std::string_view text) {
    const size_t dash = text.find('-');
    if (dash == std::string_view::npos) return std::nullopt;
    const std::optional<int64_t> at = ParseCount(text.substr(0, dash));
    const std::string_view snapshot = text.substr(dash + 1);
    if (!at || !IsSnapshot(snapshot)) return std::nullopt;
    return ChangePosition{*at, std::string(snapshot)};
}

std::string PrintChangePosition(const ChangePosition& position) {
    return std::to_string(position.at) + "-" + position.snapshot;
}

std::string ChangeEvents(const std::string& position, bool reset, const std::string& changes, bool first) {
    std::string events = first ? kRetry : "";
    const bool any = reset || changes != "[]";
    if (!any && !first) return events;
    events += "id: " + position + "\n";
    if (any) events += std::string("event: ") + (reset ? "reset" : "changes") + "\ndata: " + changes + "\n";
    return events + "\n";
}

std::string PrintChangeToken(const ChangeToken& token) {
    return std::string(kTokenPrefix) + token.proof + ":" + token.position;
}

std::optional<ChangeToken> ParseChangeToken(std::string_view text) {
    if (!text.starts_with(kTokenPrefix)) return std::nullopt;
    text.remove_prefix(kTokenPrefix.size());
    const size_t colon = text.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    return ChangeToken{std::string(text.substr(0, colon)), std::string(text.substr(colon + 1))};
}

}  // namespace pulse::web
