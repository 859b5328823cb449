// Letting go of what is older than the settings say, in short transactions.
#include <array>

#include "pulse/delivery/store.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/profile/store_ingest.hpp"
#include "pulse/profile/store_partition.hpp"
#include "pulse/trait/store_live.hpp"
#include "pulse/worker/store.hpp"

namespace pulse::worker {

namespace {

using pg::Value;

struct Rule {
    const char* what;
    const int* minutes;  // the setting
    const char* sql;     // deletes up to $2 rows older than $1; null: `work` does
    int64_t (*work)(Moment before, int64_t rows) = nullptr;  // until it did nothing
};

// Whole months go at once: what is asked for by portions is done with the first.
int64_t DropEvents(Moment before, int64_t) {
    const int64_t dropped = profile::DropPartitions("event", before);
    if (dropped > 0) trait::MarkEventsDropped(before);
    return dropped;
}
int64_t DropMembershipChanges(Moment before, int64_t) {
    return profile::DropPartitions("membership_change", before);
}

// By index each: a batch looks at what it deletes, not at what grows. A snapshot of a replayed past counts as
// old when it was also recorded long ago.
#define PULSE_OLD_SNAPSHOTS                                                                               \
    "FROM pulse.segment AS s CROSS JOIN LATERAL (SELECT p.id, p.sketch IS NOT NULL AS has_sketch"         \
    " FROM pulse.snapshot AS p WHERE p.segment_id = s.id AND p.taken_at < $1 AND p.recorded_at < $1"      \
    " AND p.id IS DISTINCT FROM s.pinned_snapshot AND NOT EXISTS (SELECT FROM pulse.incident_record AS r" \
    " WHERE r.segment_id = s.id AND r.status IN ('open', 'acknowledged') AND p.id IN (r.snapshot, "       \
    "r.baseline_snapshot))) AS o"

const std::array<Rule, 13> kRules{{
    {"messages given up", &pg::settings::message_lifetime, nullptr, delivery::ExpireMessages},
    {"runs of jobs", &pg::settings::job_run_retention,
     "DELETE FROM pulse.job_run WHERE id = ANY (ARRAY(SELECT r.id FROM pulse.job_run AS r"
     " WHERE r.started_at < $1 AND r.status <> 'running' ORDER BY r.started_at LIMIT $2))"},
    {"visits to sources", &pg::settings::usage_retention,
     "DELETE FROM pulse.source_usage WHERE id = ANY (ARRAY(SELECT u.id FROM pulse.source_usage AS u WHERE "
     "u.at < $1 LIMIT $2))"},
    {"results of checks", &pg::settings::check_retention,
     "DELETE FROM pulse.check_result WHERE id = ANY (ARRAY(SELECT o.id FROM pulse.monitor_check AS c CROSS "
     "JOIN LATERAL"
     " (SELECT r.id FROM pulse.check_result AS r WHERE r.check_id = c.id AND r.at < $1) AS o LIMIT $2))"},
    {"snapshots", &pg::settings::snapshot_retention,
     "DELETE FROM pulse.snapshot WHERE id = ANY (ARRAY(SELECT o.id " PULSE_OLD_SNAPSHOTS " LIMIT $2))"},
    {"sketches", &pg::settings::sketch_retention,
     "UPDATE pulse.snapshot SET sketch = NULL WHERE id = ANY (ARRAY(SELECT o.id " PULSE_OLD_SNAPSHOTS
     " WHERE o.has_sketch LIMIT $2))"},
    {"messages", &pg::settings::message_retention,
     "DELETE FROM pulse.outbox WHERE id = ANY (ARRAY(SELECT o.id FROM pulse.outbox AS o"
     " WHERE o.finished_at < $1"
     " ORDER BY o.finished_at LIMIT $2))"},
    {"investigations", &pg::settings::message_retention,
     "DELETE FROM pulse.investigation WHERE id = ANY (ARRAY(SELECT n.id FROM pulse.investigation AS n"
     " WHERE n.created_at < $1"
     " AND n.status NOT IN ('queued', 'running') ORDER BY n.created_at LIMIT $2))"},
    {"months of events", &pg::settings::event_retention, nullptr, DropEvents},
    {"months of membership changes", &pg::settings::membership_change_retention, nullptr,
     DropMembershipChanges},
    {"ids of messages", &pg::settings::deduplication_horizon, nullptr, profile::DeleteOldMessages},
    {"rejected events", &pg::settings::rejected_event_retention, nullptr, profile::DeleteOldRejected},
    {"exposures", &pg::settings::exposure_retention,
     "DELETE FROM pulse.exposure WHERE ctid = ANY (ARRAY(SELECT e.ctid FROM pulse.exposure AS e"
     " WHERE e.day < ($1 AT TIME ZONE 'UTC')::date ORDER BY e.day LIMIT $2))"},
}};

constexpr int64_t kBatch = 1000;

// In a short transaction of its own, or where the caller is.
template <typename Work>
void Apart(bool apart, const Work& work) {
    if (apart) {
        RunShortTransaction("pulse: retention", work);
        return;
    }
    const pg::OwnerSession session;
    work();
}

// The batches' counters are added up, and there are partitions for the next events.
void KeepIngest(bool apart) {
    for (int64_t folded = 1; folded > 0;) {
        pg::CheckInterrupts();
        Apart(apart, [&] { folded = profile::FoldTallies(kBatch); });
    }
    Apart(apart, [] { profile::EnsurePartitions("event", pg::WallClock(), pg::WallClock() + 31 * kDay); });
}

}  // namespace

RunResult DeleteOld(bool apart) {
    RunResult result;
    result.rows = 0;
    std::string told;
    for (const Rule& rule : kRules) {
        if (*rule.minutes == 0 || (rule.work == delivery::ExpireMessages && !pg::settings::send_messages)) continue;
        const Moment before = pg::WallClock() - *rule.minutes * kMinute;
        int64_t all = 0;
        // What is given up lets the next one about the same go.
        for (int64_t batch = kBatch; rule.sql ? batch == kBatch : batch > 0; all += batch) {
            pg::CheckInterrupts();
            const auto work = [&] {
                batch =
                    rule.sql
                        ? static_cast<int64_t>(
                              pg::Execute(rule.sql, {Value::Time(before), Value::Int8(kBatch)}).processed())
                        : rule.work(before, kBatch);
            };
            Apart(apart, work);
        }
        if (all > 0) told += (told.empty() ? "" : ", ") + std::to_string(all) + " " + rule.what;
        *result.rows += all;
    }
    KeepIngest(apart);
    result.message = told.empty() ? "nothing was old enough" : told;
    return result;
}

}  // namespace pulse::worker
