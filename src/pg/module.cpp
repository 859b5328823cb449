// What happens when the library is loaded.
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
    // pg_upgrade moves tables about; nobody may write to them meanwhile.
    if (IsBinaryUpgrade) return;
    pulse::pg::settings::Define();
    if (process_shared_preload_libraries_in_progress) {
        pulse::pg::RequestSchedulerState();
        pulse::pg::RegisterLauncher();
    }
    pulse::pg::InstallHooks();
}
}
