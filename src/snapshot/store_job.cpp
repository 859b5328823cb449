// The job snapshots.
#include "pulse/pg/job_kind.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/snapshot/store.hpp"

namespace pulse::snapshot {

namespace {

// Segments without a snapshot are named in the run; a retry takes only what is missing.
RunResult SummarizeOutcomes(const std::vector<TakeResult>& outcomes) {
    constexpr size_t kNamed = 3;
    RunResult result;
    size_t missing = 0;
    std::string names;
    for (const TakeResult& outcome : outcomes) {
        if (outcome.status == "ok") continue;
        if (++missing <= kNamed)
            names += (names.empty() ? "" : "; ") + outcome.segment + " (" +
                     outcome.error.value_or(outcome.status) + ")";
    }
    result.rows = static_cast<int64_t>(outcomes.size() - missing);
    if (missing == 0) return result;
    result.status = "failed";
    result.error = std::to_string(missing) + " of " + std::to_string(outcomes.size()) +
                   " segments were not measured: " + names + (missing > kNamed ? "; …" : "");
    return result;
}

RunResult RunSnapshotsJob(bool in_worker) {
    return SummarizeOutcomes(in_worker ? TakeDueInBackground() : TakeDue());
}

// By index: a batch looks at what it deletes, not at what grows. A snapshot of a replayed past counts as old
// when it was also recorded long ago.
#define PULSE_OLD_SNAPSHOTS                                                                               \
    "FROM pulse.segment AS s CROSS JOIN LATERAL (SELECT p.id, p.sketch IS NOT NULL AS has_sketch"         \
    " FROM pulse.snapshot AS p WHERE p.segment_id = s.id AND p.taken_at < $1 AND p.recorded_at < $1"      \
    " AND p.id IS DISTINCT FROM s.pinned_snapshot AND NOT EXISTS (SELECT FROM pulse.incident_record AS r" \
    " WHERE r.segment_id = s.id AND r.status IN ('open', 'acknowledged') AND p.id IN (r.snapshot, "       \
    "r.baseline_snapshot))) AS o"

const pg::JobKind kSnapshotsJob{
    .id = 1,
    .name = "snapshots",
    .description = "Takes a snapshot of every segment that is due.",
    .schedule = "0 2 * * *",
    .max_retries = 5,
    .run = RunSnapshotsJob,
    .retention = {
        {.order = 50,
         .what = "snapshots",
         .minutes = &pg::settings::snapshot_retention,
         .sql = "DELETE FROM pulse.snapshot WHERE id = ANY (ARRAY(SELECT o.id " PULSE_OLD_SNAPSHOTS
                " LIMIT $2))"},
        {.order = 60,
         .what = "sketches",
         .minutes = &pg::settings::sketch_retention,
         .sql =
             "UPDATE pulse.snapshot SET sketch = NULL WHERE id = ANY (ARRAY(SELECT o.id " PULSE_OLD_SNAPSHOTS
             " WHERE o.has_sketch LIMIT $2))"}}};

[[maybe_unused]] const bool job_registered = pg::RegisterJobKind(kSnapshotsJob);

}  // namespace

}  // namespace pulse::snapshot
