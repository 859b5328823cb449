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

}  // namespace

std::optional<ChangePosition> ParseChangePosition(std::string_view text) {
    const size_t dash = text.find('-');
    if (dash == std::string_view::npos) return std::nullopt;
    const std::optional<int64_t> at = ParseCount(text.substr(0, dash));
    const std::string_view snapshot = text.substr(dash + 1);
    const bool fits = std::count(snapshot.begin(), snapshot.end(), ':') == 2 &&
                      snapshot.find_first_not_of("0123456789:,") == std::string_view::npos;
    if (!at || !fits) return std::nullopt;
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
