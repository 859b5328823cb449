// Assigns positions to membership changes, in one order for all consumers.
#include "pulse/trait/store_consumer.hpp"

#include "pulse/base/error.hpp"
#include "pulse/delivery/store.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/probe.hpp"

namespace pulse::trait {

namespace {

using pg::Value;

// Whether there is any subscription to membership changes; cached until one begins or ends.
bool AnySubscription() {
    static pg::Statement any(
        "SELECT EXISTS (SELECT FROM pulse.change_consumer WHERE name LIKE 'subscription:%')", {});
    static pg::Cached<bool> found("change_consumer", [] { return any.Execute({}, true)[0].Bool(0); });
    return found.Get();
}

}  // namespace

// Rows restored from a dump can have positions beyond pulse.change_position.
int64_t LastPosition() {
    static pg::Statement statement(
        "SELECT greatest((SELECT max(p.position) FROM pulse.change_position AS p),"
        " (SELECT max(c.position) FROM pulse.membership_change AS c WHERE c.position IS NOT NULL),"
        " (SELECT max(n.position) FROM pulse.change_consumer AS n))",
        {});
    return statement.Execute({})[0].Int8(0);
}

bool HasUnassignedPositions() {
    static pg::Statement any("SELECT EXISTS (SELECT FROM pulse.membership_change WHERE position IS NULL)",
                             {});
    return any.Execute({})[0].Bool(0);
}

bool AssignPositions(int64_t most, bool wait) {
    if (!HasUnassignedPositions()) return true;
    static pg::Statement lock("SELECT FROM pulse.change_position FOR UPDATE", {});
    static pg::Statement try_lock("SELECT FROM pulse.change_position FOR UPDATE SKIP LOCKED", {});
    static pg::Statement give(
        "WITH first AS (SELECT c.tableoid, c.ctid, c.at, c.id FROM pulse.membership_change AS c"
        " WHERE c.position IS NULL ORDER BY c.id LIMIT $2),"
        " next AS (SELECT f.tableoid, f.ctid, f.at, $1 + row_number() OVER (ORDER BY f.id) AS position"
        " FROM first AS f), given AS (UPDATE pulse.membership_change AS c SET position = n.position"
        " FROM next AS n"
        " WHERE c.tableoid = n.tableoid AND c.ctid = n.ctid AND c.at = n.at RETURNING c.position)"
        " UPDATE pulse.change_position SET position = (SELECT coalesce(max(g.position), $1) FROM given AS g)",
        {INT8OID, INT8OID});
    if ((wait ? lock : try_lock).Execute({}).processed() == 0) return false;
    give.Execute({Value::Int8(LastPosition()), Value::Int8(most)});
    return true;
}

void AssignPositionsAside() {
    if (!HasUnassignedPositions()) return;
    try {
        pg::RunAside("pulse_positions_main", std::to_string(MyDatabaseId));
    } catch (const UserError& error) {
        if (error.state() != sqlstate::kInsufficientResources) throw;
        AssignPositions(kMaxChanges, false);
    }
}

void NotifySubscriptions() {
    if (AnySubscription()) delivery::WakeDelivery();
}

}  // namespace pulse::trait
