// What happens when the library is loaded.
#include "pulse/pg/settings.hpp"

namespace pulse::pg::settings {
void Define();
}

extern "C" {
PG_MODULE_MAGIC;
PGDLLEXPORT void _PG_init(void);
void _PG_init(void) { pulse::pg::settings::Define(); }
}
