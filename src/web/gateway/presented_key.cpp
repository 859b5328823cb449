#include "pulse/web/gateway/presented_key.hpp"

#include "pulse/web/request.hpp"

namespace pulse::web::gateway {

std::optional<std::string> DigestOfKey(const Request& request) {
    web::Request head;
    for (const char* name : {"authorization", "x-api-key", "x-write-key"})
        if (const std::string_view value = Find(request.headers, name); !value.empty())
            head.headers.emplace(name, value);
    const auto query = request.query ? SplitQuery(*request.query) : std::nullopt;
    const auto key = FindPresentedKey(head, query ? *query : Pairs());
    return key && !key->text.empty() ? std::optional(Digest(key->text)) : std::nullopt;
}

}  // namespace pulse::web::gateway
