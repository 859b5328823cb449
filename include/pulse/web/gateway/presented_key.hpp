// The API key that a request presents. The library decides whether it is valid. Pure C++.
#pragma once

#include <optional>
#include <string>

#include "pulse/web/gateway/request_reader.hpp"

namespace pulse::web::gateway {

// The digest of the key in Authorization (Bearer or the user of Basic), X-API-Key or ?apiKey=; empty if there
// is none.
std::optional<std::string> DigestOfKey(const Request& request);

}  // namespace pulse::web::gateway
