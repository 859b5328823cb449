// SQL functions that grant and revoke levels. Privileges are granted by the extension's owner; who may call
// these functions is a privilege itself.
#include <nlohmann/json.hpp>

#include "pulse/audit/store.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/spi.hpp"

namespace pg = pulse::pg;
namespace audit = pulse::audit;

PULSE_WRITING_FUNCTION(pulse_grant) {
    const pg::Args args(fcinfo);
    const std::string role = args.RequireText(0, "role"), level = args.RequireText(1, "level");
    const pg::OwnerSession session;
    pg::Execute("SELECT pulse.grant_level($1, $2)", {pg::Value::Text(role), pg::Value::Text(level)});
    audit::Write("level.granted", role, {{"level", level}});
    PG_RETURN_VOID();
}

PULSE_WRITING_FUNCTION(pulse_revoke) {
    const std::string role = pg::Args(fcinfo).RequireText(0, "role");
    const pg::OwnerSession session;
    pg::Execute("SELECT pulse.revoke_levels($1)", {pg::Value::Text(role)});
    audit::Write("level.revoked", role);
    PG_RETURN_VOID();
}
