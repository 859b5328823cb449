// Paths of requests, and the route that fits one.
#include <algorithm>
#include <unordered_map>

#include "pulse/base/utf8.hpp"
#include "pulse/web/route.hpp"

namespace pulse::web {

namespace {

int HexValue(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// A segment or value without its %xx; empty if an escape is not valid or the bytes are no text.
std::optional<std::string> Unescape(std::string_view text, bool plus_is_blank) {
    std::string plain;
    plain.reserve(text.size());
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+' && plus_is_blank) {
            plain += ' ';
        } else if (text[i] != '%') {
            plain += text[i];
        } else {
            const int high = i + 2 < text.size() ? HexValue(text[i + 1]) : -1;
            const int low = high < 0 ? -1 : HexValue(text[i + 2]);
            if (low < 0) return std::nullopt;
            plain += static_cast<char>(high * 16 + low);
            i += 2;
        }
    }
    if (ValidUtf8(plain) != plain.size()) return std::nullopt;
    return plain;
}

std::vector<std::string_view> Parts(std::string_view path) {
    std::vector<std::string_view> segments;
    while (!path.empty()) {
        const size_t slash = std::min(path.find('/'), path.size());
        if (slash > 0) segments.push_back(path.substr(0, slash));
        path.remove_prefix(std::min(slash + 1, path.size()));
    }
    return segments;
}

bool IsParameter(std::string_view segment) {
    return segment.starts_with('{');
}

bool TakesRest(std::string_view segment) {
    return segment.ends_with("...}");
}

// A path template; literal segments weigh more than parameters.
struct Template {
    const Route* route;
    std::vector<std::string_view> segments;

    bool Fits(const std::vector<std::string>& path) const {
        const bool rest = !segments.empty() && TakesRest(segments.back());
        if (rest ? path.size() < segments.size() : path.size() != segments.size()) return false;
        for (size_t i = 0; i < segments.size(); ++i)
            if (!IsParameter(segments[i]) && segments[i] != path[i]) return false;
        return true;
    }

    std::vector<std::string> Values(const std::vector<std::string>& path) const {
        std::vector<std::string> values;
        for (size_t i = 0; i < segments.size(); ++i) {
            if (!IsParameter(segments[i])) continue;
            values.push_back(path[i]);
            if (!TakesRest(segments[i])) continue;
            for (size_t more = i + 1; more < path.size(); ++more) values.back() += "/" + path[more];
        }
        return values;
    }
};

// Routes with the same number of parameters come one after the other, those with the fewest first.
const std::vector<Template>& Templates() {
    static const std::vector<Template> templates = [] {
        std::vector<Template> all;
        for (const Route& route : Routes()) all.push_back({&route, Parts(route.path)});
        const auto parameters = [](const Template& one) {
            return std::count_if(one.segments.begin(), one.segments.end(), IsParameter);
        };
        std::stable_sort(all.begin(), all.end(),
                         [&](const Template& a, const Template& b) { return parameters(a) < parameters(b); });
        return all;
    }();
    return templates;
}

// Whose clients ask for a path that no route has.
Family FamilyOf(const std::vector<std::string>& path) {
    const auto begins = [&](size_t at, std::string_view word) {
        return path.size() > at && path[at] == word;
    };
    if (begins(0, "ofrep")) return Family::kOfrep;
    if (begins(0, "api") && begins(1, "v1")) return Family::kStratum;
    if (begins(0, "v1") && (begins(1, "admin") || begins(1, "decide") || begins(1, "export")))
        return Family::kTinyCdp;
    return Family::kPulse;
}

}  // namespace

std::optional<std::vector<std::string>> SplitPath(std::string_view path) {
    if (!path.starts_with('/')) return std::nullopt;
    std::vector<std::string> plain;
    for (const std::string_view segment : Parts(path)) {
        std::optional<std::string> text = Unescape(segment, false);
        if (!text || *text == "." || *text == "..") return std::nullopt;
        plain.push_back(std::move(*text));
    }
    return plain;
}

std::optional<std::vector<std::pair<std::string, std::string>>> SplitQuery(std::string_view query) {
    std::vector<std::pair<std::string, std::string>> pairs;
    while (!query.empty()) {
        const size_t end = std::min(query.find('&'), query.size());
        const std::string_view pair = query.substr(0, end);
        query.remove_prefix(std::min(end + 1, query.size()));
        if (pair.empty()) continue;
        const size_t equals = std::min(pair.find('='), pair.size());
        std::optional<std::string> name = Unescape(pair.substr(0, equals), true);
        std::optional<std::string> value = Unescape(pair.substr(std::min(equals + 1, pair.size())), true);
        if (!name || !value) return std::nullopt;
        pairs.emplace_back(std::move(*name), std::move(*value));
    }
    return pairs;
}

RouteMatch FindRoute(std::string_view method, const std::vector<std::string>& path) {
    const std::string_view wanted = method == "HEAD" ? "GET" : method;
    RouteMatch match{nullptr, {}, {}, FamilyOf(path)};
    for (const Template& one : Templates()) {
        if (!one.Fits(path)) continue;
        // HEAD must change nothing.
        if (one.route->method == wanted && (one.route->read_only || method != "HEAD"))
            return {one.route, one.Values(path), {}, one.route->family};
        match.methods.push_back(one.route->method);
    }
    return match;
}

std::vector<std::string> FunctionsOf(const Route& route) {
    constexpr std::string_view kPrefix = "{v}.";
    std::vector<std::string> names;
    for (std::string_view rest : {route.sql, route.then})
        for (size_t at = rest.find(kPrefix); at != std::string_view::npos; at = rest.find(kPrefix)) {
            rest.remove_prefix(at + kPrefix.size());
            const std::string name(rest.substr(0, rest.find('(')));
            if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
        }
    return names;
}

}  // namespace pulse::web
