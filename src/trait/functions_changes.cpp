// pulse_take_changes(), which returns each change exactly once, and pulse_build_step().
#include "pulse/base/error.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/trait/store_build.hpp"
#include "pulse/trait/store_consumer.hpp"
#include "pulse/trait/store_pipeline.hpp"

namespace pg = pulse::pg;

namespace pulse::trait {

namespace {

using pg::Value;

int64_t PositionOf(const std::string& consumer) {
    static pg::Statement make(
        "INSERT INTO pulse.change_consumer (name, position, created_at) VALUES ($1, 0, $2) ON CONFLICT"
        " DO NOTHING",
        {TEXTOID, TIMESTAMPTZOID});
    static pg::Statement lock("SELECT position FROM pulse.change_consumer WHERE name = $1 FOR UPDATE",
                              {TEXTOID});
    const pg::Result known = lock.Execute({Value::Text(consumer)});
    if (!known.empty()) return known[0].Int8(0);
    make.Execute({Value::Text(consumer), Value::Time(pg::Now())});
    return lock.Execute({Value::Text(consumer)})[0].Int8(0);
}

}  // namespace

}  // namespace pulse::trait

using namespace pulse;

PULSE_WRITING_FUNCTION(pulse_take_changes) {
    const pg::Args args(fcinfo);
    const std::string consumer = args.RequireText(0, "consumer");
    const int32_t most = args.Int4(1).value_or(1000);
    const bool quiet = args.Bool(2).value_or(false);
    if (consumer.empty() || consumer.size() > 255)
        throw UserError(sqlstate::kInvalidParameter, "invalid consumer name",
                        "It is empty or longer than 255 bytes.",
                        "Give a name; the consumer is created at first use.");
    if (consumer.starts_with(trait::kSubscriptionPrefix))
        throw UserError(sqlstate::kInvalidParameter, "invalid consumer name",
                        "Names that begin with \"" + std::string(trait::kSubscriptionPrefix) +
                            "\" are reserved for subscriptions.",
                        "Choose another name; pulse_subscribe() creates subscriptions.");
    if (most < 1 || most > trait::kMaxChanges)
        throw UserError(sqlstate::kInvalidParameter, "invalid number of changes",
                        "It is " + std::to_string(most) + ".",
                        "Give a number from 1 to " + std::to_string(trait::kMaxChanges) + ".");
    pg::ResultSet results(fcinfo);
    const pg::OwnerSession session;
    const trait::ForceIndexPlans force_index_plans;
    const int64_t position = trait::PositionOf(consumer);
    trait::AssignPositionsAside();
    const int64_t last = trait::LastPosition();
    static pg::Statement take(
        "SELECT c.position, s.name, c.profile_id, (SELECT i.value FROM pulse.profile AS p"
        " JOIN pulse.identity AS i ON i.profile_id = p.id"
        " WHERE p.canonical_id = (SELECT q.canonical_id FROM pulse.profile AS q WHERE q.id = c.profile_id)"
        " AND i.kind = 'user_id'"
        " ORDER BY i.first_seen_at, i.value LIMIT 1), c.change, c.at, c.cause, c.version, c.quiet"
        " FROM pulse.membership_change AS c LEFT JOIN pulse.segment AS s ON s.id = c.segment_id"
        " WHERE c.position > $1"
        " AND c.position <= $4 AND ($3 OR NOT c.quiet) ORDER BY c.position LIMIT $2",
        {INT8OID, INT8OID, BOOLOID, INT8OID});
    const pg::Result rows = take.Execute(
        {pg::Value::Int8(position), pg::Value::Int8(most), pg::Value::Bool(quiet), pg::Value::Int8(last)});
    for (uint64_t i = 0; i < rows.size(); ++i) {
        const pg::Row row = rows[i];
        results.Add({pg::Value::Int8(row.Int8(0)), pg::Value::Text(row.TextOrNull(1)),
                     pg::Value::Int8(row.Int8(2)), pg::Value::Text(row.TextOrNull(3)),
                     pg::Value::Text(row.Text(4)), pg::Value::Time(row.Time(5)), pg::Value::Text(row.Text(6)),
                     pg::Value::Int4(row.Int4(7))});
    }
    static pg::Statement move("UPDATE pulse.change_consumer SET position = $2 WHERE name = $1",
                              {TEXTOID, INT8OID});
    // If fewer rows than the limit were found, the skipped quiet changes are consumed, too.
    const int64_t reached = rows.size() < static_cast<uint64_t>(most) ? last : rows[rows.size() - 1].Int8(0);
    if (reached != position) move.Execute({pg::Value::Text(consumer), pg::Value::Int8(reached)});
    return pg::ResultSet::Done();
}

PULSE_WRITING_FUNCTION(pulse_build_step) {
    const pg::Args args(fcinfo);
    const std::optional<int32_t> people = args.Int4(0);
    if (!people)
        throw UserError(sqlstate::kInvalidParameter, "invalid number of people", "It is null.",
                        trait::kPeopleHint);
    trait::BuildStep step;
    {
        const pg::OwnerSession session;
        step = trait::RunBuildStep(*people);
    }
    if (step.waiting > 0 && step.people == 0)
        throw UserError(sqlstate::kNotReady, "the build waits for an archive",
                        "The archived events of " + std::to_string(step.waiting) +
                            (step.waiting == 1 ? " person" : " people") + " have to be read first.",
                        "The job recall_events reads them, and the pipeline completes the build; "
                        "pulse.archive_wait shows what is in the way.");
    return pg::FromInt64Array({step.done, step.total, step.finished ? 1 : 0, step.people});
}

PULSE_WRITING_FUNCTION(pulse_refresh_definitions) {
    const pg::OwnerSession session;
    trait::LockDefinitions();
    trait::ApplyDefinitionChanges();
    return 0;
}

PULSE_WRITING_FUNCTION(pulse_run_pipeline) {
    return Int64GetDatum(trait::RunPipeline());
}
