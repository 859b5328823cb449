#include "pulse/http/require_tls.hpp"

#include <nlohmann/json.hpp>

#include "pulse/base/error.hpp"

namespace pulse::http {

void RequireTls(const nlohmann::json& options, bool allow_http) {
    if (allow_http || !options.is_object()) return;
    for (const auto& [key, value] : options.items()) {
        if (!value.is_string() || !value.get_ref<const std::string&>().starts_with("http://")) continue;
        // The URL itself may be a secret.
        throw UserError(sqlstate::kInvalidParameter, "option \"" + key + "\" is a URL without TLS",
                        "It begins with http://, and pulse.allow_http is off.",
                        "Give a URL with https://. To allow http:// on this server (not for one database): "
                        "ALTER SYSTEM SET pulse.allow_http = on; SELECT pg_reload_conf();");
    }
}

}  // namespace pulse::http
