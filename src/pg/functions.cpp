#include "pulse/pg/entry.hpp"
#include "pulse/pg/settings.hpp"

extern "C" {
PG_FUNCTION_INFO_V1(pulse_now);
PGDLLEXPORT Datum pulse_now(PG_FUNCTION_ARGS);
// Called on hot paths and without C++ objects, so it needs no guard.
Datum pulse_now(PG_FUNCTION_ARGS) {
    PG_RETURN_TIMESTAMPTZ(pulse::pg::Now());
}
}
