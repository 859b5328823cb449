#include "pulse/web/gateway/console_alias.hpp"

#include <algorithm>

#include "pulse/web/request.hpp"

namespace pulse::web::gateway {

namespace {

constexpr std::string_view kDashboard = "/dashboard/cdp";

struct Alias {
    std::string_view from, to;
    std::string_view one = "";  // the page of one, whose id follows
};

constexpr Alias kAliases[] = {
    {"", ""},
    {"profiles", "people", "people"},
    {"identity", "people", "identity"},
    {"segments", "segments"},  // by numbers there, by names here
    {"traits", "traits", "traits"},
    {"events", "events"},
    {"rfm", "insight?tab=rfm"},
    {"lifecycle", "insight?tab=lifecycle"},
    {"funnels", "insight?tab=funnels"},
    {"retention", "insight?tab=retention"},
    {"consent", "consent"},
    {"audience-sync", "audiences"},
    {"webhooks", "delivery"},
    {"trust", "trust"},
};

}  // namespace

std::string ConsoleAlias(std::string_view path) {
    if (!path.starts_with(kDashboard) || !SplitPath(path)) return "";
    std::string_view rest = path.substr(kDashboard.size());
    if (!rest.empty() && rest.front() != '/') return "";
    if (!rest.empty()) rest.remove_prefix(1);
    if (rest.ends_with('/')) rest.remove_suffix(1);
    const size_t slash = std::min(rest.find('/'), rest.size());
    const std::string_view page = rest.substr(0, slash);
    const std::string_view id = slash < rest.size() ? rest.substr(slash + 1) : "";
    const auto* const found = std::find_if(std::begin(kAliases), std::end(kAliases),
                                           [&](const Alias& alias) { return alias.from == page; });
    if (found == std::end(kAliases) || id.find('/') != std::string_view::npos) return "";
    if (!id.empty() && found->one.empty()) return "";
    std::string location;
    // Relative, so that it also works behind a proxy that puts a prefix in front.
    for (auto depth = std::count(path.begin(), path.end(), '/'); depth > 1; --depth) location += "../";
    location += "console/#/";
    if (id.empty()) return location.append(found->to);
    return location.append(found->one).append("/").append(id);
}

}  // namespace pulse::web::gateway
