// Options of channels and models whose URL has no TLS. Pure C++.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace pulse::http {

// Refuse options with a URL that requests could not use: http:// without pulse.allow_http. Throws UserError.
void RequireTls(const nlohmann::json& options, bool allow_http);

}  // namespace pulse::http
