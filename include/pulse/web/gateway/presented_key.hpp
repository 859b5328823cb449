// The API key that a request presents. The library decides whether it is valid. Pure C++.
#pragma once

#include <optional>
#include <string>

#include "pulse/web/gateway/request_reader.hpp"

namespace pulse::web::gateway {

// The digest of the key in the headers or the query, or of the session of the console, found as the library
// finds it; empty if there is none. A key in the body is not looked for.
std::optional<std::string> DigestOfKey(const Request& request);

}  // namespace pulse::web::gateway
