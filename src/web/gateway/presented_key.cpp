#include "pulse/web/gateway/presented_key.hpp"

#include <algorithm>

#include "pulse/web/key.hpp"

namespace pulse::web::gateway {

namespace {

// The value after a scheme such as "Bearer ", whose case does not matter.
std::string_view AfterScheme(std::string_view value, std::string_view scheme) {
    if (value.size() <= scheme.size()) return {};
    const bool same = std::equal(scheme.begin(), scheme.end(), value.begin(),
                                 [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? b + 32 : b); });
    if (!same || value[scheme.size()] != ' ') return {};
    value.remove_prefix(scheme.size());
    return value.substr(std::min(value.find_first_not_of(' '), value.size()));
}

int Base64Value(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

// The part of Basic credentials before the colon.
std::string BasicUser(std::string_view encoded) {
    std::string plain;
    uint32_t bits = 0;
    int count = 0;
    for (const char c : encoded) {
        const int value = Base64Value(c);
        if (value < 0) break;
        bits = bits << 6 | static_cast<uint32_t>(value);
        count += 6;
        if (count < 8) continue;
        count -= 8;
        plain += static_cast<char>(bits >> count & 0xFF);
    }
    return plain.substr(0, plain.find(':'));
}

std::string KeyInQuery(std::string_view query) {
    const auto pairs = SplitQuery(query);
    if (!pairs) return "";
    for (const auto& [name, value] : *pairs)
        if (name == "apiKey") return value;
    return "";
}

}  // namespace

std::optional<std::string> DigestOfKey(const Request& request) {
    const std::string_view authorization = Find(request.headers, "authorization");
    std::string key(AfterScheme(authorization, "bearer"));
    if (key.empty()) key = BasicUser(AfterScheme(authorization, "basic"));
    if (key.empty()) key = Find(request.headers, "x-api-key");
    if (key.empty() && request.query) key = KeyInQuery(*request.query);
    return key.empty() ? std::nullopt : std::optional(Digest(key));
}

}  // namespace pulse::web::gateway
