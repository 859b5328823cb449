// The job pipeline.
#include "pulse/trait/store_job.hpp"

#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/profile/store_partition.hpp"
#include "pulse/trait/store_consumer.hpp"
#include "pulse/trait/store_live.hpp"
#include "pulse/trait/store_metric_reader.hpp"
#include "pulse/trait/store_pipeline.hpp"
#include "pulse/trait/store_queue.hpp"

namespace pulse::trait {

namespace {

RunResult RunPipelineJob(bool in_worker) {
    RunResult result;
    result.rows = in_worker ? RunPipelineWorker() : RunPipeline();
    result.message = std::to_string(*result.rows) + " evaluated";
    return result;
}

// People whom the pipeline has still to evaluate. What is read of them is exact all the same, unless they
// are queued.
void ReportPipeline(pg::StatusReport& report) {
    const pg::Result rows = pg::Execute(
        "SELECT (SELECT count(*) FROM (SELECT FROM pulse.dirty LIMIT 10001) AS d), (SELECT d.at"
        " FROM pulse.dirty AS d ORDER BY d.id LIMIT 1),"
        " (SELECT count(*) FROM (SELECT FROM pulse.profile_state"
        " WHERE next_change_at <= clock_timestamp() LIMIT 10001) AS s),"
        " (SELECT min(next_change_at) FROM pulse.profile_state"
        " WHERE next_change_at <= clock_timestamp()),"
        " (SELECT count(*) FROM pulse.live_segment WHERE built_to IS NOT NULL),"
        " (SELECT count(*) FROM pulse.unsettled_person), (SELECT min(since) FROM pulse.unsettled_person)");
    report.AddQueue("pipeline", rows[0].Int8(0), rows[0].TimeOrNull(1));
    report.AddQueue("pipeline timers", rows[0].Int8(2), rows[0].TimeOrNull(3));
    report.Add("pipeline builds", "ok", std::to_string(rows[0].Int8(4)));
    const int64_t unsettled = rows[0].Int8(5);
    report.Add("people set aside", unsettled == 0 ? "ok" : "degraded", std::to_string(unsettled),
               unsettled == 0
                   ? ""
                   : "since " + FormatMoment(rows[0].Time(6)) + "; pulse.unsettled_person has the reasons");
}

int64_t DropEvents(Moment before, int64_t) {
    const int64_t dropped = profile::DropPartitions("event", before);
    if (dropped > 0) MarkEventsDropped(before);
    return dropped;
}

// Who has not read the changes that go learns from pulse.change_position that they are lost. Changes without
// a position have been read by nobody: all who have come as far as the last position have lost them.
int64_t DropMembershipChanges(Moment before, int64_t) {
    const pg::Result rows = pg::Execute(
        "SELECT (SELECT max(c.position) FROM pulse.membership_change AS c WHERE c.at < m.begin),"
        " EXISTS (SELECT FROM pulse.membership_change AS c WHERE c.at < m.begin AND c.position IS NULL)"
        " FROM (SELECT date_trunc('month', $1, 'UTC') AS begin) AS m",
        {pg::Value::Time(before)});
    const int64_t dropped = profile::DropPartitions("membership_change", before);
    if (dropped == 0) return 0;
    const ForceIndexPlans force_index_plans;
    const int64_t lost = rows[0].Bool(1) ? LastPosition() + 1 : rows[0].Int8OrNull(0).value_or(0);
    pg::Execute(
        "UPDATE pulse.change_position SET lost = greatest(lost, $1), position = greatest(position, $1)",
        {pg::Value::Int8(lost)});
    return dropped;
}

}  // namespace

const pg::JobKind kPipelineJob{
    .id = 7,
    .name = "pipeline",
    .description = "Evaluates whom events or the clock moved into and out of segments of people.",
    .schedule = "5 seconds",
    .timeout = "0",
    .max_retries = 0,
    .retry_delay = "0",
    .own_process = true,
    .next_due = [] { return NextDue().value_or(pg::kNever); },
    .run = RunPipelineJob,
    .status = {{.order = 30, .add = ReportPipeline}},
    // Whole months go at once: the first call drops them all.
    .retention = {{.order = 90,
                   .what = "months of events",
                   .minutes = &pg::settings::event_retention,
                   .work = DropEvents},
                  {.order = 100,
                   .what = "months of membership changes",
                   .minutes = &pg::settings::membership_change_retention,
                   .work = DropMembershipChanges}}};

namespace {

[[maybe_unused]] const bool job_registered = pg::RegisterJobKind(kPipelineJob);

}  // namespace

}  // namespace pulse::trait
