// The catalogue of events and the counters of sources: batches add to them without waiting for each other.
#include "pulse/pg/append.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/jsonb.hpp"
#include "pulse/pg/lock.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/profile/store_ingest.hpp"

namespace pulse::profile {

using pg::Value;

namespace {

// One row of pulse.ingest_tally, with the activity of a small batch. Returns its id.
int64_t InsertTally(const std::vector<Value>& values) {
    std::vector<pg::AppendColumn> columns(1);
    const int64_t id = pg::NextValues("ingest_tally_id_seq", 1)[0];
    columns[0].values.push_back(Int64GetDatum(id));
    for (const Value& value : values) columns.push_back({{value.datum}, {value.null}});
    if (pg::Append(nullptr, "ingest_tally", columns)) return id;
    static pg::Statement statement(
        "INSERT INTO pulse.ingest_tally (at, source, accepted, duplicates, conflicting, rejected, catalogue,"
        " profiles, profile_events, profile_first_at, profile_last_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING id",
        {TIMESTAMPTZOID, TEXTOID, INT4OID, INT4OID, INT4OID, INT4OID, JSONBOID, INT8ARRAYOID, INT8ARRAYOID,
         TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID});
    return statement.Execute(values)[0].Int8(0);
}

}  // namespace

void WriteTally(const std::string& source, const Tally& tally, const EventCatalogue& catalogue,
                const ActivityTally* activity, Moment now) {
    const auto count = [](int64_t number) { return Value::Int4(static_cast<int32_t>(number)); };
    std::vector<Value> values{Value::Time(now),
                              Value::Text(source),
                              count(tally.accepted),
                              count(tally.duplicates),
                              count(tally.conflicting),
                              count(tally.rejected),
                              {JSONBOID, pg::ParseJsonb(catalogue.Json()), false}};
    if (activity && !activity->profiles.empty() && activity->profiles.size() <= kFewProfiles)
        values.insert(values.end(), {Value::Int8s(activity->profiles), Value::Int8s(activity->events),
                                     pg::TimeArray(activity->first), pg::TimeArray(activity->last)});
    else
        values.insert(values.end(), {Value::Null(INT8ARRAYOID), Value::Null(INT8ARRAYOID),
                                     Value::Null(TIMESTAMPTZARRAYOID), Value::Null(TIMESTAMPTZARRAYOID)});
    const int64_t id = InsertTally(values);
    // Fold periodically, so that the views stay fast even with many small batches. Not in REPEATABLE READ and
    // above, where rows changed by others are an error; a later batch does it.
    constexpr int64_t kEvery = 500;
    if (id % kEvery != 0 || IsolationUsesXactSnapshot()) return;
    FoldTallies(4 * kEvery);
    // The job activity does it within a minute; this bounds the table where no job runs.
    static pg::Statement late(
        "SELECT FROM pulse.activity_tally AS t WHERE t.at < clock_timestamp() - interval '10 minutes' LIMIT 1",
        {});
    if (!late.Execute({}).empty()) FoldActivity(4 * kEvery, false);
}

int64_t FoldTallies(int64_t rows) {
    // One session at a time; batches keep adding rows.
    if (!pg::TryLock("ingest_tally", 0)) return 0;
    static pg::Statement choose(
        "SELECT max(t.id) FROM (SELECT id FROM pulse.ingest_tally ORDER BY id LIMIT $1) AS t", {INT8OID});
    const pg::Result last = choose.Execute({Value::Int8(rows)});
    if (last[0].IsNull(0)) return 0;
    // New names beyond these limits are counted as "(other)": a sender that puts data into names must not
    // fill the catalogue.
    constexpr int64_t kMostNames = 10'000, kMostProperties = 1000;
    // One statement, so one snapshot: exactly the deleted rows are folded.
    static pg::Statement fold(
        "WITH gone AS MATERIALIZED (SELECT * FROM pulse.ingest_tally WHERE id <= $1),"
        " came AS MATERIALIZED (SELECT c.key COLLATE \"C\" AS event, sum((c.value ->> 0)::bigint) AS"
        " events, sum((c.value ->> 1)::bigint) AS looked_at,"
        "   min((c.value ->> 2)::timestamptz) AS first_at, max((c.value ->> 3)::timestamptz) AS last_at"
        "  FROM gone CROSS JOIN LATERAL jsonb_each(gone.catalogue) AS c GROUP BY 1),"
        " named AS MATERIALIZED (SELECT m.*, k.event IS NOT NULL"
        " OR row_number() OVER (PARTITION BY k.event IS NULL ORDER BY m.events DESC, m.event)"
        "   <= $2 - (SELECT count(*) FROM pulse.event_kind) AS listed FROM came AS m LEFT"
        " JOIN pulse.event_kind AS k ON k.event = m.event),"
        " kinds AS (INSERT INTO pulse.event_kind AS k (event, events, looked_at, first_seen_at, last_seen_at)"
        "  SELECT CASE WHEN n.listed THEN n.event ELSE '(other)' END, sum(n.events), sum(n.looked_at),"
        " min(n.first_at), max(n.last_at) FROM named AS n GROUP BY 1"
        "  ON CONFLICT (event) DO UPDATE SET events = k.events + excluded.events, looked_at = k.looked_at +"
        " excluded.looked_at,"
        "   first_seen_at = least(k.first_seen_at, excluded.first_seen_at), last_seen_at = "
        "greatest(k.last_seen_at, excluded.last_seen_at)),"
        " counted AS MATERIALIZED (SELECT CASE WHEN n.listed THEN t.event ELSE '(other)' END AS event,"
        " t.source, t.hour, sum(t.events) AS events,"
        " coalesce(sum(t.events) FILTER (WHERE t.received_hour - t.hour <= 1), 0) AS prompt,"
        " coalesce(sum(t.events) FILTER (WHERE t.received_hour - t.hour > 24), 0) AS late"
        " FROM pulse.hour_tally AS t JOIN named AS n ON n.event = t.event WHERE t.id <= $1 GROUP BY 1, 2, 3),"
        " source_hours AS (INSERT INTO pulse.event_source_hour AS h (hour, event, source, events, prompt, late)"
        "  SELECT timestamptz '2000-01-01 00:00+00' + c.hour * interval '1 hour', c.event, c.source, c.events,"
        " c.prompt, c.late FROM counted AS c ON CONFLICT (hour, event, source) DO UPDATE SET events = h.events"
        " + excluded.events, prompt = h.prompt + excluded.prompt, late = h.late + excluded.late),"
        // What is received more than a day later says nothing of its day.
        " examined AS (SELECT ((c.value ->> 3)::timestamptz AT TIME ZONE 'UTC')::date AS day, c.key COLLATE"
        " \"C\" AS event, sum((c.value ->> 1)::bigint) AS looked_at FROM gone CROSS JOIN LATERAL"
        " jsonb_each(gone.catalogue) AS c WHERE (c.value ->> 3)::timestamptz > gone.at - interval '24 hours'"
        " GROUP BY 1, 2),"
        " days AS (INSERT INTO pulse.event_day AS d (day, event, events, looked_at)"
        "  SELECT u.day, u.event, sum(u.events), sum(u.looked_at) FROM (SELECT date '2000-01-01'"
        " + floor(c.hour / 24.0)::int AS day, c.event, c.events, 0 AS looked_at FROM counted AS c UNION ALL"
        " SELECT e.day, e.event, 0, e.looked_at FROM examined AS e JOIN named AS n ON n.event = e.event AND"
        " n.listed) AS u GROUP BY 1, 2 ON CONFLICT (day, event) DO UPDATE SET events = d.events +"
        " excluded.events, looked_at = d.looked_at + excluded.looked_at),"
        " hours AS (INSERT INTO pulse.event_hour AS h (hour, events)"
        "  SELECT timestamptz '2000-01-01 00:00+00' + c.hour * interval '1 hour', sum(c.events)"
        " FROM counted AS c GROUP BY 1 ON CONFLICT (hour) DO UPDATE SET events = h.events + excluded.events),"
        " found AS MATERIALIZED (SELECT t.* FROM pulse.property_tally AS t JOIN named AS n"
        " ON n.event = t.event AND n.listed WHERE t.id <= $1),"
        " summed AS (SELECT t.event, t.property, sum(t.texts) AS texts, sum(t.numbers) AS numbers,"
        " sum(t.booleans) AS booleans, sum(t.timestamps) AS timestamps,"
        "     sum(t.objects) AS objects, sum(t.arrays) AS arrays, sum(t.nulls) AS nulls,"
        " max(t.last_seen_at) AS last_at,"
        "     pulse.collect_examples(t.examples ORDER BY t.id) AS examples FROM found AS t GROUP BY 1, 2),"
        " known AS MATERIALIZED (SELECT s.*, p.property IS NOT NULL OR row_number() OVER (PARTITION BY"
        " s.event, p.property IS NULL ORDER BY s.property)"
        "    <= $3 - (SELECT count(*) FROM pulse.event_property AS q WHERE q.event = s.event) AS listed"
        "   FROM summed AS s LEFT JOIN pulse.event_property AS p ON p.event = s.event AND p.property ="
        " s.property),"
        " properties AS (INSERT INTO pulse.event_property AS p (event, property, texts, numbers, booleans,"
        " timestamps, objects, arrays, nulls,"
        "   last_seen_at, examples)"
        "  SELECT l.event, CASE WHEN l.listed THEN l.property"
        " ELSE '(other)' END, sum(l.texts), sum(l.numbers), sum(l.booleans), sum(l.timestamps),"
        "   sum(l.objects), sum(l.arrays), sum(l.nulls), max(l.last_at), pulse.collect_examples(l.examples "
        "ORDER BY l.property) FROM known AS l GROUP BY 1, 2"
        "  ON CONFLICT (event, property) DO UPDATE SET texts = p.texts + excluded.texts, numbers ="
        " p.numbers + excluded.numbers,"
        "   booleans = p.booleans + excluded.booleans, timestamps = p.timestamps + excluded.timestamps, "
        "objects = p.objects + excluded.objects,"
        "   arrays = p.arrays + excluded.arrays, nulls = p.nulls + excluded.nulls,"
        "   last_seen_at = greatest(p.last_seen_at, excluded.last_seen_at), examples = "
        "pulse.merge_examples(p.examples, excluded.examples)),"
        " property_days AS (INSERT INTO pulse.event_property_day AS p (day, event, property, texts, numbers,"
        " booleans, timestamps, objects, arrays, nulls)"
        "  SELECT (f.newest_at AT TIME ZONE 'UTC')::date, f.event, f.property, sum(f.texts), sum(f.numbers),"
        " sum(f.booleans), sum(f.timestamps), sum(f.objects), sum(f.arrays), sum(f.nulls)"
        "  FROM found AS f JOIN known AS k ON k.event = f.event AND k.property = f.property AND k.listed"
        "  WHERE f.newest_at > f.at - interval '24 hours' GROUP BY 1, 2, 3"
        "  ON CONFLICT (day, event, property) DO UPDATE SET texts = p.texts + excluded.texts, numbers ="
        " p.numbers + excluded.numbers, booleans = p.booleans + excluded.booleans, timestamps ="
        " p.timestamps + excluded.timestamps, objects = p.objects + excluded.objects, arrays = p.arrays +"
        " excluded.arrays, nulls = p.nulls + excluded.nulls),"
        // One row of all small batches.
        " active AS (INSERT INTO pulse.activity_tally (at, profiles, events, first_at, last_at)"
        "  SELECT clock_timestamp(), array_agg(a.profile), array_agg(a.events), array_agg(a.first_at),"
        " array_agg(a.last_at)"
        "  FROM (SELECT u.profile, sum(u.events)::int AS events, min(u.first_at) AS first_at,"
        " max(u.last_at) AS last_at FROM gone AS g CROSS JOIN LATERAL unnest(g.profiles, g.profile_events,"
        " g.profile_first_at, g.profile_last_at) AS u (profile, events, first_at, last_at) GROUP BY u.profile)"
        " AS a HAVING count(*) > 0),"
        " totals AS (INSERT INTO pulse.source_total AS s (source, accepted, duplicates, conflicting,"
        " rejected, first_at, last_at)"
        "  SELECT g.source, sum(g.accepted), sum(g.duplicates), sum(g.conflicting), sum(g.rejected),"
        " min(g.at), max(g.at) FROM gone AS g"
        "  GROUP BY g.source"
        "  ON CONFLICT (source) DO UPDATE SET accepted = s.accepted + excluded.accepted, duplicates ="
        " s.duplicates + excluded.duplicates,"
        "   conflicting = s.conflicting + excluded.conflicting, rejected = s.rejected + excluded.rejected,"
        "   first_at = least(s.first_at, excluded.first_at), last_at = greatest(s.last_at, excluded.last_at))"
        " DELETE FROM pulse.ingest_tally AS d WHERE d.id IN (SELECT g.id FROM gone AS g)",
        {INT8OID, INT8OID, INT8OID});
    // JIT compilation would take longer than the statement itself.
    const pg::Identity owner = pg::Identity::Owner();
    pg::SetLocally("jit", "off");
    return static_cast<int64_t>(
        fold.Execute({Value::Int8(last[0].Int8(0)), Value::Int8(kMostNames), Value::Int8(kMostProperties)})
            .processed());
}

}  // namespace pulse::profile
