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
    const std::string role = args.RequireText(0, "role"), level = args.RequireText(1, "level");
    const pg::OwnerSession session;
    pg::Execute("SELECT pulse.grant_level($1, $2)", {pg::Value::Text(role), pg::Value::Text(level)});
    PG_RETURN_VOID();
}

PULSE_WRITING_FUNCTION(pulse_revoke) {
    const std::string role = pg::Args(fcinfo).RequireText(0, "role");
    const pg::OwnerSession session;
    pg::Execute("SELECT pulse.revoke_levels($1)", {pg::Value::Text(role)});
    PG_RETURN_VOID();
}
