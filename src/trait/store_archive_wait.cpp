#include "pulse/trait/store_archive_wait.hpp"

#include "pulse/pg/background.hpp"
#include "pulse/pg/jsonb.hpp"
#include "pulse/pg/probe.hpp"
#include "pulse/pg/relation_lock.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/trait/store_metric_reader.hpp"
#include "pulse/trait/store_pipeline.hpp"

namespace pulse::trait {

using pg::Value;

namespace {

std::set<int64_t> Ids(pg::Statement& statement, const std::vector<int64_t>& people) {
    const pg::IndexPlans by_index;
    const pg::LatestSnapshot latest;
    const pg::Result rows = statement.Execute({Value::Int8s(people)}, true);
    std::set<int64_t> ids;
    for (uint64_t i = 0; i < rows.size(); ++i) ids.insert(rows[i].Int8(0));
    return ids;
}

}  // namespace

bool ArchiveInUse() {
    static pg::Watch watch("event");
    static bool in_use = false;
    static pg::Statement look(
        "SELECT EXISTS (SELECT FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid AND c.relkind = 'p'"
        " WHERE i.inhparent = 'pulse.event'::regclass) OR EXISTS (SELECT FROM pulse.archive_wait)",
        {});
    // Moving a month changes the partitions of pulse.event, which this lock excludes.
    pg::LockTable("event", pg::TableLock::kReading);
    if (watch.Changed()) {
        in_use = true;  // if the next lines fail
        const pg::LatestSnapshot latest;
        in_use = look.Execute({}, true)[0].Bool(0);
    }
    // Moving late events changes who has archived ones.
    if (in_use) pg::LockTable("archived_profile", pg::TableLock::kShared);
    return in_use;
}

std::set<int64_t> WithArchivedEvents(const std::vector<int64_t>& people) {
    static pg::Statement statement(
        "SELECT DISTINCT m.canonical_id FROM pulse.profile AS m WHERE m.canonical_id = ANY ($1)"
        " AND EXISTS (SELECT FROM pulse.archived_profile AS a WHERE a.profile_id = m.id OFFSET 0)",
        {INT8ARRAYOID});
    return Ids(statement, people);
}

std::set<int64_t> WaitingForArchive(const std::vector<int64_t>& people) {
    static pg::Statement statement("SELECT profile_id FROM pulse.archive_wait WHERE profile_id = ANY ($1)",
                                   {INT8ARRAYOID});
    return Ids(statement, people);
}

std::optional<Moment> WaitsForArchive(int64_t person) {
    static const pg::Probe probe("archive_wait", "archive_wait_pkey", {2});
    const auto row = probe.Find({Int64GetDatum(person)});
    return row ? std::optional<Moment>(DatumGetTimestampTz((*row)[0].datum)) : std::nullopt;
}

void WaitForArchive(const std::vector<ArchiveWait>& people) {
    if (people.empty()) return;
    static pg::Statement note(
        "INSERT INTO pulse.archive_wait AS w (profile_id, since, next_attempt_at, cause, quiet, building)"
        " SELECT n.profile, $5, $5, n.cause, n.quiet, n.building"
        " FROM unnest($1::bigint[], $2::text[], $3::boolean[], $4::boolean[]) AS n (profile, cause, quiet,"
        " building)"
        " ON CONFLICT (profile_id) DO UPDATE SET quiet = w.quiet AND excluded.quiet,"
        " building = w.building OR excluded.building"
        " WHERE w.quiet AND NOT excluded.quiet OR excluded.building AND NOT w.building",
        {INT8ARRAYOID, TEXTARRAYOID, BOOLARRAYOID, BOOLARRAYOID, TIMESTAMPTZOID});
    static pg::Statement keep(
        "UPDATE pulse.profile_state SET next_change_at = NULL WHERE profile_id = ANY ($1)"
        " AND next_change_at IS NOT NULL",
        {INT8ARRAYOID});
    std::vector<int64_t> profiles;
    std::vector<std::string> causes;
    std::vector<bool> quiet, building;
    for (const ArchiveWait& person : people) {
        profiles.push_back(person.profile);
        causes.push_back(person.cause);
        quiet.push_back(person.quiet);
        building.push_back(person.building);
    }
    const pg::IndexPlans by_index;
    note.Execute({Value::Int8s(profiles), Value::Texts(causes), pg::BoolArray(quiet), pg::BoolArray(building),
                  Value::Time(pg::WallClock())});
    keep.Execute({Value::Int8s(profiles)});
    pg::NotifyLauncher();
}

void ForgetArchiveWaits(const std::vector<int64_t>& people) {
    if (people.empty()) return;
    static pg::Statement statement(
        "WITH gone AS (DELETE FROM pulse.archive_wait WHERE profile_id = ANY ($1) RETURNING building)"
        " SELECT coalesce(bool_or(building), false) FROM gone",
        {INT8ARRAYOID});
    const pg::IndexPlans by_index;
    // Perhaps the last one for whom a build has waited.
    if (statement.Execute({Value::Int8s(people)})[0].Bool(0)) WakePipeline();
}

bool ABuildWaitsForArchive() {
    static pg::Statement statement("SELECT FROM pulse.archive_wait WHERE building LIMIT 1", {});
    return !statement.Execute({}).empty();
}

int64_t BuildsWaitingForArchive() {
    static pg::Statement statement("SELECT count(*) FROM pulse.archive_wait WHERE building", {});
    return statement.Execute({})[0].Int8(0);
}

}  // namespace pulse::trait
