// The catalogue of events and the counters of sources: batches add to them without waiting for each other.
#include "pulse/pg/lock.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/profile/store_ingest.hpp"

namespace pulse::profile {

using pg::Value;

void NoteTally(const std::string& source, const Tally& tally, const Catalogue& catalogue, Moment now) {
    static pg::Statement statement(
        "INSERT INTO pulse.ingest_tally (at, source, accepted, duplicates, conflicting, rejected, catalogue)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb) RETURNING id",
        {TIMESTAMPTZOID, TEXTOID, INT8OID, INT8OID, INT8OID, INT8OID, TEXTOID});
    const int64_t id = statement
                           .Execute({Value::Time(now), Value::Text(source), Value::Int8(tally.accepted), Value::Int8(tally.duplicates),
                                     Value::Int8(tally.conflicting), Value::Int8(tally.rejected), Value::Text(catalogue.Json())})[0]
                           .Int8(0);
    // Now and then one adds up for all, so that the views stay quick however small the batches are. Where rows that others have changed
    // are an error, the next one does.
    constexpr int64_t kEvery = 500;
    if (id % kEvery == 0 && !IsolationUsesXactSnapshot()) FoldTallies(4 * kEvery);
}

int64_t FoldTallies(int64_t rows) {
    // One at a time; batches go on adding.
    if (!pg::TryLock("ingest_tally", 0)) return 0;
    static pg::Statement choose("SELECT max(t.id) FROM (SELECT id FROM pulse.ingest_tally ORDER BY id LIMIT $1) AS t", {INT8OID});
    const pg::Result last = choose.Execute({Value::Int8(rows)});
    if (last[0].IsNull(0)) return 0;
    // Everything below is of one snapshot: exactly the rows that are deleted are folded.
    static pg::Statement fold(
        "WITH gone AS MATERIALIZED (SELECT * FROM pulse.ingest_tally WHERE id <= $1),"
        " kinds AS (INSERT INTO pulse.event_kind AS k (event, events, looked_at, first_seen_at, last_seen_at)"
        "  SELECT c.key COLLATE \"C\", sum((c.value ->> 0)::bigint), sum((c.value ->> 1)::bigint), min((c.value ->> 2)::timestamptz),"
        "   max((c.value ->> 3)::timestamptz) FROM gone CROSS JOIN LATERAL jsonb_each(gone.catalogue) AS c GROUP BY 1"
        "  ON CONFLICT (event) DO UPDATE SET events = k.events + excluded.events, looked_at = k.looked_at + excluded.looked_at,"
        "   first_seen_at = least(k.first_seen_at, excluded.first_seen_at), last_seen_at = greatest(k.last_seen_at, excluded.last_seen_at)),"
        " properties AS (INSERT INTO pulse.event_property AS p (event, property, texts, numbers, booleans, timestamps, objects, arrays, nulls,"
        "   last_seen_at, examples)"
        "  SELECT t.event, t.property, sum(t.texts), sum(t.numbers), sum(t.booleans), sum(t.timestamps), sum(t.objects), sum(t.arrays),"
        "   sum(t.nulls), max(t.last_seen_at), pulse.collect_examples(t.examples ORDER BY t.id)"
        "  FROM pulse.property_tally AS t WHERE t.id <= $1 GROUP BY 1, 2"
        "  ON CONFLICT (event, property) DO UPDATE SET texts = p.texts + excluded.texts, numbers = p.numbers + excluded.numbers,"
        "   booleans = p.booleans + excluded.booleans, timestamps = p.timestamps + excluded.timestamps, objects = p.objects + excluded.objects,"
        "   arrays = p.arrays + excluded.arrays, nulls = p.nulls + excluded.nulls,"
        "   last_seen_at = greatest(p.last_seen_at, excluded.last_seen_at), examples = pulse.merge_examples(p.examples, excluded.examples)),"
        " totals AS (INSERT INTO pulse.source_total AS s (source, accepted, duplicates, conflicting, rejected, first_at, last_at)"
        "  SELECT g.source, sum(g.accepted), sum(g.duplicates), sum(g.conflicting), sum(g.rejected), min(g.at), max(g.at) FROM gone AS g"
        "  GROUP BY g.source"
        "  ON CONFLICT (source) DO UPDATE SET accepted = s.accepted + excluded.accepted, duplicates = s.duplicates + excluded.duplicates,"
        "   conflicting = s.conflicting + excluded.conflicting, rejected = s.rejected + excluded.rejected,"
        "   first_at = least(s.first_at, excluded.first_at), last_at = greatest(s.last_at, excluded.last_at))"
        " DELETE FROM pulse.ingest_tally AS d WHERE d.id IN (SELECT g.id FROM gone AS g)",
        {INT8OID});
    return static_cast<int64_t>(fold.Execute({Value::Int8(last[0].Int8(0))}).processed());
}

}  // namespace pulse::profile
