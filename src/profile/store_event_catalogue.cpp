// The catalogue of events and the counters of sources: batches add to them without waiting for each other.
#include "pulse/pg/append.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/jsonb.hpp"
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

}  // namespace pulse::profile
