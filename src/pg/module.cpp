// Initialisation of the library.
#include "pulse/pg/background.hpp"
#include "pulse/pg/scheduler_state.hpp"
#include "pulse/pg/settings.hpp"

namespace pulse::pg::settings {
void Define();
}

extern "C" {
PULSE_MODULE_MAGIC("pulse", PULSE_VERSION);
PGDLLEXPORT void _PG_init(void);
void _PG_init(void) {
    // No background writes during pg_upgrade.
    if (IsBinaryUpgrade) return;
    pulse::pg::settings::Define();
    if (process_shared_preload_libraries_in_progress) {
        pulse::pg::RequestSchedulerState();
        pulse::pg::RegisterLauncher();
    }
    pulse::pg::InstallHooks();
}
}
