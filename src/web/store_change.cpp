// What changed after a position. A position is a snapshot of PostgreSQL: a change belongs to those after it
// if its transaction is not visible in it, so none is missed or told twice, in whatever order transactions
// commit.
#include "pulse/web/store_change.hpp"

#include "pulse/base/time.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/retention.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/web/change.hpp"

namespace pulse::web {

namespace {

using pg::Value;

constexpr int64_t kOldest = 24 * 60 * 60;  // seconds; rows are kept for longer
constexpr int kMostRows = 10'000;
constexpr int64_t kMostChanges = 1000;

// A standby does not know which transactions its snapshots take for running, and a long list of them would
// not fit into a header: then all from the first running one on count as not seen, and some are told twice.
constexpr const char* kNow =
    "SELECT floor(extract(epoch FROM clock_timestamp()))::bigint,"
    " CASE WHEN pg_is_in_recovery() OR length(s.now::text) > 1000 THEN format('%1$s:%1$s:', pg_snapshot_xmin(s.now)) ELSE s.now::text END";

constexpr const char* kChanges =
    ", NOT pg_is_in_recovery() AND pg_snapshot_xmax($1::pg_snapshot) > pg_snapshot_xmax(s.now), c.rows, c.changes, c.list"
    " FROM (SELECT pg_current_snapshot() AS now) AS s CROSS JOIN LATERAL (SELECT coalesce(max(d.rows), 0) AS rows, count(*) AS changes,"
    " coalesce(json_agg(json_build_object('kind', d.kind, 'id', d.object_id::text) ORDER BY d.kind, d.object_id), '[]')::text AS list"
    " FROM (SELECT w.kind, w.object_id, (sum(count(*)) OVER ())::bigint AS rows FROM (SELECT h.kind, h.object_id FROM pulse.change AS h"
    " WHERE h.xid >= pg_snapshot_xmin($1::pg_snapshot) AND NOT pg_visible_in_snapshot(h.xid, $1::pg_snapshot)"
    " LIMIT $2) AS w GROUP BY w.kind, w.object_id) AS d) AS c";

Changes Begin() {
    const pg::Result rows =
        pg::Execute(std::string(kNow) + " FROM (SELECT pg_current_snapshot() AS now) AS s", {}, true);
    return {PrintChangePosition({rows[0].Int8(0), rows[0].Text(1)})};
}

[[maybe_unused]] const bool changes_retention_registered = pg::RegisterRetention(
    {{.order = 175,
      .what = "noted changes",
      .sql = "DELETE FROM pulse.change WHERE id = ANY (ARRAY(SELECT c.id FROM pulse.change AS c"
             " WHERE c.at < $1 - interval '25 hours' ORDER BY c.id LIMIT $2))"}});

}  // namespace

Changes ReadChanges(const std::optional<std::string>& after) {
    const pg::OwnerSession session;
    if (!after) return Begin();
    const std::optional<ChangePosition> position = ParseChangePosition(*after);
    if (!position)
        ThrowInvalid("\"" + Shorten(*after, 100) + "\" is not a position", "",
                     "Give the position that pulse_changes() returned, or null to begin.");
    static const std::string sql = std::string(kNow) + kChanges;
    const pg::Result rows =
        pg::Execute(sql, {Value::Text(position->snapshot), Value::Int8(kMostRows + 1)}, true);
    const pg::Row row = rows[0];
    Changes result{PrintChangePosition({row.Int8(0), row.Text(1)})};
    result.reset = row.Int8(0) - position->at > kOldest || row.Bool(2) || row.Int8(3) > kMostRows ||
                   row.Int8(4) > kMostChanges;
    if (!result.reset) result.changes = row.Text(5);
    return result;
}

}  // namespace pulse::web
