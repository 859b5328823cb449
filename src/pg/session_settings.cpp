#include "pulse/pg/session_settings.hpp"

#include <string_view>

extern "C" {
#include "utils/guc_tables.h"
}

namespace pulse::pg {

namespace {

// Locale and compatibility: how values are read and written; custom options, such as app.tenant, which
// row-level security policies read. The encoding belongs to the connection.
bool AffectsResults(const config_generic& setting) {
    const std::string_view name = setting.name;
    switch (setting.group) {
        case CUSTOM_OPTIONS: return !name.starts_with("pulse.");
        case CLIENT_CONN_LOCALE: return name != "client_encoding";
        case COMPAT_OPTIONS_PREVIOUS: return true;
        default: return name == "transform_null_equals" || name == "row_security";
    }
}

}  // namespace

void ResetSessionSettings() {
    int count = 0;
#if PG_VERSION_NUM >= 160000
    config_generic** all = Call([&] { return get_guc_variables(&count); });
#else
    config_generic** all = get_guc_variables();
    count = GetNumConfigOptions();
#endif
    for (int i = 0; i < count; ++i) {
        const config_generic& setting = *all[i];
        const bool changeable = setting.context == PGC_USERSET || setting.context == PGC_SUSET;
        if (setting.source != PGC_S_SESSION || !changeable || !AffectsResults(setting)) continue;
        Call([&] {
            set_config_option(setting.name, nullptr, PGC_SUSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0,
                              false);
        });
    }
}

}  // namespace pulse::pg
