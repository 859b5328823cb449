// Activity of people: batches record theirs without waiting for each other; it is added to pulse.activity
// later.
#include "pulse/pg/jsonb.hpp"
#include "pulse/pg/lock.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/profile/store_index_scan.hpp"
#include "pulse/profile/store_ingest.hpp"

namespace pulse::profile {

using pg::Value;

void ActivityTally::Add(int64_t profile, Moment time) {
    if (profiles.empty() || profiles.back() != profile) {
        profiles.push_back(profile);
        events.push_back(0);
        first.push_back(time);
        last.push_back(time);
    }
    ++events.back();
    first.back() = std::min(first.back(), time);
    last.back() = std::max(last.back(), time);
}

void WriteActivity(const ActivityTally& tally) {
    static pg::Statement statement(
        "INSERT INTO pulse.activity_tally (at, profiles, events, first_at, last_at)"
        " VALUES (clock_timestamp(), $1, $2::int[], $3, $4)",
        {INT8ARRAYOID, INT8ARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID});
    if (tally.profiles.size() <= kFewProfiles) return;
    statement.Execute({Value::Int8s(tally.profiles), Value::Int8s(tally.events), pg::TimeArray(tally.first),
                       pg::TimeArray(tally.last)});
}

int64_t FoldActivity(int64_t profiles, bool at_least_one) {
    // One session at a time; batches keep adding rows.
    if (!pg::TryLock("activity_tally", 0)) return 0;
    // One statement, so one snapshot: exactly the deleted rows are added. A profile that was deleted since is
    // left out.
    static pg::Statement fold(
        "WITH oldest AS MATERIALIZED (SELECT t.ctid AS place, cardinality(t.profiles) AS size"
        "  FROM pulse.activity_tally AS t LIMIT 2000),"
        " chosen AS MATERIALIZED (SELECT c.place FROM (SELECT s.place, sum(s.size) OVER (ORDER BY s.place)"
        "  AS upto, row_number() OVER (ORDER BY s.place) AS n FROM oldest AS s) AS c"
        "  WHERE c.upto <= $1 OR (c.n = 1 AND $2)),"
        " gone AS (DELETE FROM pulse.activity_tally AS t WHERE t.ctid = ANY (ARRAY(SELECT c.place"
        "  FROM chosen AS c)) RETURNING t.profiles, t.events, t.first_at, t.last_at),"
        " came AS MATERIALIZED (SELECT u.profile, sum(u.events) AS events, min(u.first_at) AS first_at,"
        "  max(u.last_at) AS last_at FROM gone AS g CROSS JOIN LATERAL unnest(g.profiles, g.events,"
        "  g.first_at, g.last_at) AS u (profile, events, first_at, last_at) GROUP BY u.profile),"
        " added AS (INSERT INTO pulse.activity AS a (profile_id, events, first_at, last_at)"
        "  SELECT c.profile, c.events, c.first_at, c.last_at FROM came AS c"
        "  WHERE EXISTS (SELECT FROM pulse.profile AS p WHERE p.id = c.profile OFFSET 0) ORDER BY c.profile"
        "  ON CONFLICT (profile_id) DO UPDATE SET events = a.events + excluded.events,"
        "   first_at = least(a.first_at, excluded.first_at), last_at = greatest(a.last_at, excluded.last_at))"
        " SELECT count(*) FROM chosen",
        {INT8OID, BOOLOID});
    const ForceIndexScans force_index;
    return fold.Execute({Value::Int8(profiles), Value::Bool(at_least_one)})[0].Int8(0);
}

}  // namespace pulse::profile
