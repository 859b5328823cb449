// Which months are left as they are.
#include <optional>

#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/profile/store_event_order.hpp"

namespace pulse::profile {

namespace {

using pg::Value;

constexpr int64_t kSmall = 8 * 1024 * 1024;  // bytes
constexpr double kOrdered = 0.9;             // correlation of rows and people

}  // namespace

std::string WhyNotReplaced(const std::string& partition) {
    const pg::Result rows = pg::Execute(
        "WITH month AS (SELECT c.*, (SELECT p.relowner FROM pg_class AS p WHERE p.oid = 'pulse.event'::regclass)"
        " AS parent_owner FROM pg_class AS c WHERE c.oid = $1::regclass)"
        " SELECT concat_ws(', ',"
        " CASE WHEN EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = m.oid AND NOT t.tgisinternal"
        " AND t.tgparentid = 0 AND t.tgfoid NOT IN ('pulse.settle_event_copy()'::regprocedure,"
        " 'pulse.settle_archive_copy()'::regprocedure)) THEN 'triggers' END,"
        " CASE WHEN m.relhasrules THEN 'rules' END,"
        " CASE WHEN m.relrowsecurity OR EXISTS (SELECT FROM pg_policy AS p WHERE p.polrelid = m.oid)"
        " THEN 'policies' END,"
        " CASE WHEN EXISTS (SELECT FROM aclexplode(m.relacl) AS a WHERE a.grantee <> m.relowner)"
        " OR EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = m.oid AND a.attacl IS NOT NULL)"
        " THEN 'privileges' END,"
        " CASE WHEN m.relowner <> m.parent_owner THEN 'another owner' END,"
        " CASE WHEN m.reloptions IS NOT NULL OR EXISTS (SELECT FROM pg_class AS t WHERE t.oid = m.reltoastrelid"
        " AND t.reloptions IS NOT NULL) THEN 'storage parameters' END,"
        " CASE WHEN EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = m.oid AND a.attnum > 0"
        " AND (coalesce(a.attstattarget, -1) >= 0 OR EXISTS (SELECT FROM unnest(a.attoptions) AS o"
        " WHERE o LIKE 'n_distinct%'))) OR EXISTS (SELECT FROM"
        " pg_statistic_ext AS x WHERE x.stxrelid = m.oid) THEN 'statistics' END,"
        " CASE WHEN EXISTS (SELECT FROM pg_index AS x WHERE x.indrelid = m.oid AND (x.indisclustered OR NOT EXISTS"
        " (SELECT FROM pg_inherits AS h WHERE h.inhrelid = x.indexrelid) AND ARRAY(SELECT a.attname::text FROM"
        " unnest(x.indkey) WITH ORDINALITY AS k (number, place) JOIN pg_attribute AS a ON a.attrelid = m.oid"
        " AND a.attnum = k.number ORDER BY k.place) <> '{profile_id,name,time}')) THEN 'indexes' END,"
        " CASE WHEN m.relkind <> 'r' OR m.relpersistence <> 'p' OR m.relreplident <> 'f'"
        " OR m.relam <> (SELECT a.oid FROM pg_am AS a WHERE a.amname = 'heap') THEN 'another kind of storage' END,"
        " CASE WHEN EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = m.oid AND a.attgenerated <> '')"
        " THEN 'generated columns' END,"
        " CASE WHEN EXISTS (SELECT FROM pg_constraint AS o WHERE o.conrelid = m.oid AND o.contype = 'f')"
        " THEN 'foreign keys' END,"
        " CASE WHEN EXISTS (SELECT FROM pg_depend AS d WHERE d.refclassid = 'pg_class'::regclass"
        " AND d.refobjid = m.oid AND d.deptype = 'n') THEN 'views or other objects that depend on it' END,"
        " CASE WHEN obj_description(m.oid, 'pg_class') IS NOT NULL OR EXISTS (SELECT FROM pg_seclabel AS l"
        " WHERE l.objoid = m.oid AND l.classoid = 'pg_class'::regclass) THEN 'a comment or label' END),"
        // What is written to a copy must reach nobody, and what copies rows elsewhere knows a table by its
        // oid. A publication of all tables of the schema has event_month, too; slots of other plugins than
        // that of publications send all tables.
        " EXISTS (SELECT FROM pg_publication_tables AS p WHERE p.schemaname = 'pulse'"
        " AND p.tablename IN ('event', 'event_month', 'event_copy', m.relname)) OR EXISTS (SELECT FROM"
        " pg_subscription_rel AS r WHERE r.srrelid IN (m.oid, 'pulse.event'::regclass)) OR EXISTS (SELECT FROM"
        " pg_replication_slots AS s WHERE s.slot_type = 'logical' AND s.database = current_database()"
        " AND s.plugin <> 'pgoutput')"
        " FROM month AS m",
        {Value::Text("pulse." + pg::QuoteIdentifier(partition))});
    if (const std::string own = rows[0].Text(0); !own.empty()) return "It has " + own + " of its own.";
    if (rows[0].Bool(1)) return "A publication, a subscription or a logical slot has it.";
    return "";
}

std::string WhyNotWorthIt(const std::string& partition) {
    const pg::Result rows = pg::Execute(
        "SELECT pg_table_size($1::regclass), (SELECT coalesce(s.correlation, 0)::float8 FROM pg_stats AS s"
        " WHERE s.schemaname = 'pulse' AND s.tablename = $2 AND s.attname = 'profile_id')",
        {Value::Text("pulse." + pg::QuoteIdentifier(partition)), Value::Text(partition)});
    const int64_t size = rows[0].Int8(0);
    if (size < kSmall) return "It is small.";
    if (size > pg::settings::event_order_size * int64_t{1024 * 1024})
        return "It is larger than pulse.event_order_size.";
    // The VACUUM that freezes it makes them.
    const std::optional<double> correlation = rows[0].Float8OrNull(1);
    if (!correlation) return "It had no statistics.";
    if (*correlation >= kOrdered) return "It is in the order of people.";
    return "";
}

}  // namespace pulse::profile
