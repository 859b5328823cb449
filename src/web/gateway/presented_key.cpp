#include "pulse/web/gateway/presented_key.hpp"

#include "pulse/web/console.hpp"
#include "pulse/web/request.hpp"

namespace pulse::web::gateway {

std::optional<std::string> DigestOfKey(const Request& request) {
    web::Request head;
    for (const char* name : {"authorization", "x-api-key", "x-write-key"})
        if (const std::string_view value = Find(request.headers, name); !value.empty())
            head.headers.emplace(name, value);
    const auto query = request.query ? SplitQuery(*request.query) : std::nullopt;
    const auto key = FindPresentedKey(head, query ? *query : Pairs());
    if (key) return key->text.empty() ? std::nullopt : std::optional(Digest(key->text));
    const auto path = SplitPath(request.path);
    if (!path || !IsConsolePath(*path)) return std::nullopt;
    const auto token = SessionToken(Find(request.headers, "cookie"));
    return token ? std::optional(Digest(*token)) : std::nullopt;
}

}  // namespace pulse::web::gateway
