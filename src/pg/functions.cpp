#include "pulse/pg/entry.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"

extern "C" {
PG_FUNCTION_INFO_V1(pulse_now);
PGDLLEXPORT Datum pulse_now(PG_FUNCTION_ARGS);
// Called on hot paths and without C++ objects, so it needs no guard.
Datum pulse_now(PG_FUNCTION_ARGS) {
    PG_RETURN_TIMESTAMPTZ(pulse::pg::Now());
}
}

namespace pg = pulse::pg;

// Privileges are granted by the extension's owner; who may call these functions is a privilege itself.
PULSE_WRITING_FUNCTION(pulse_grant) {
    const pg::Args args(fcinfo);
    const pg::OwnerSession session;
    pg::Execute("SELECT pulse.grant_level($1, $2)",
                {pg::Value::Text(args.Text(0)), pg::Value::Text(args.Text(1))});
    PG_RETURN_VOID();
}

PULSE_WRITING_FUNCTION(pulse_revoke) {
    const pg::Args args(fcinfo);
    const pg::OwnerSession session;
    pg::Execute("SELECT pulse.revoke_levels($1)", {pg::Value::Text(args.Text(0))});
    PG_RETURN_VOID();
}
