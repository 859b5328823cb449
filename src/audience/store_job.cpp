// The job audiences: its schedule, its rows in pulse_status(), its retention; the segments that audiences
// use.
#include <algorithm>

#include "pulse/audience/store_alarm.hpp"
#include "pulse/audience/store_sync.hpp"
#include "pulse/audience/store_worker.hpp"
#include "pulse/diagnosis/segment_use.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/trait/store_consumer.hpp"
#include "pulse/trait/store_metric_reader.hpp"

namespace pulse::audience {

namespace {

using pg::Value;

RunResult RunAudiencesJob(bool in_worker) {
    if (in_worker) return RunSyncWorker();
    const pg::OwnerSession session;
    RunResult result;
    result.rows = RunSyncsHere();
    result.message = std::to_string(*result.rows) + " ended";
    return result;
}

Moment AudiencesDue() {
    const trait::ForceIndexPlans force_index_plans;
    return FollowsChanges() ? pg::WallClock() : std::min(NextSyncDue(), NextLoginAlarm());
}

void ReportSyncs(pg::StatusReport& report) {
    const pg::Result rows = pg::Execute(
        "SELECT (SELECT count(*) FROM pulse.sync_run AS r WHERE r.status IN ('pending', 'processing')),"
        " (SELECT min(r.not_before) FROM pulse.sync_run AS r WHERE r.status = 'pending'),"
        " (SELECT count(*) FROM pulse.sync_run AS r WHERE r.status = 'held'),"
        " (SELECT min(r.held_at) FROM pulse.sync_run AS r WHERE r.status = 'held'),"
        " (SELECT count(*) FROM (SELECT FROM pulse.audience_removal WHERE cause = 'erased' LIMIT 10000) AS e),"
        " (SELECT min(queued_at) FROM pulse.audience_removal WHERE cause = 'erased'),"
        " (SELECT count(*) FROM pulse.audience AS a WHERE a.status IN ('stopped', 'stale')),"
        " (SELECT a.name || ': ' || coalesce(a.status_reason, a.status) FROM pulse.audience AS a"
        " WHERE a.status IN ('stopped', 'stale') ORDER BY a.updated_at DESC LIMIT 1),"
        " (SELECT count(*) FROM pulse.destination AS d WHERE d.audiences > 0 AND d.state IN ('login ended', 'login"
        " ends', 'blocked')), (SELECT d.name || ': ' || d.state || coalesce(', on ' || CASE WHEN d.state"
        " LIKE 'login%' THEN (d.login_expires_at AT TIME ZONE 'UTC')::date END, '') FROM pulse.destination AS d"
        " WHERE d.audiences > 0 AND d.state IN ('login ended', 'login ends', 'blocked')"
        " ORDER BY d.state = 'login ends', d.name LIMIT 1)");
    const pg::Row row = rows[0];
    const auto oldest = row.TimeOrNull(1);
    const int64_t late = oldest ? std::max<int64_t>(0, pg::WallClock() - *oldest) : 0;
    report.Add("syncs", row.Int8(0) == 0 ? "ok" : report.StateOf(late / 60), std::to_string(row.Int8(0)));
    report.Add("held syncs", row.Int8(2) == 0 ? "ok" : "degraded", std::to_string(row.Int8(2)),
               row.IsNull(3) ? "" : "since " + FormatMoment(row.Time(3) / kSecond * kSecond));
    report.Add("erasures on platforms", row.Int8(4) == 0 ? "ok" : "degraded", std::to_string(row.Int8(4)),
               row.IsNull(5) ? "" : "pending since " + FormatMoment(row.Time(5) / kSecond * kSecond));
    report.Add("stopped audiences", row.Int8(6) == 0 ? "ok" : "degraded", std::to_string(row.Int8(6)),
               row.IsNull(7) ? "" : report.ErrorText(row.Text(7)));
    report.Add("destinations", row.Int8(8) == 0 ? "ok" : "degraded", std::to_string(row.Int8(8)),
               row.IsNull(9) ? "" : row.Text(9));
}

void AddSegmentsOfAudiences(std::set<std::string>& used) {
    const pg::Result rows = pg::Execute(
        "SELECT DISTINCT s.name FROM pulse.audience AS a JOIN pulse.segment AS s ON s.id = a.segment_id");
    for (uint64_t i = 0; i < rows.size(); ++i) used.insert(rows[i].Text(0));
}

}  // namespace

const pg::JobKind kAudiencesJob{
    .id = 15,
    .name = "audiences",
    .description = "Sends people of segments to other platforms, and removes them there.",
    .schedule = "5 seconds",
    .timeout = "0",
    .max_retries = 0,
    .retry_delay = "0",
    .own_process = true,
    .enabled = &pg::settings::send_messages,
    .next_due = AudiencesDue,
    .run = RunAudiencesJob,
    .status = {{.order = 70, .add = ReportSyncs}},
    .retention = {
        {.order = 170,
         .what = "syncs",
         .minutes = &pg::settings::message_retention,
         .sql = "DELETE FROM pulse.sync_run WHERE id = ANY (ARRAY(SELECT r.id FROM pulse.sync_run AS r"
                " WHERE r.finished_at < $1 AND NOT EXISTS (SELECT FROM pulse.sync_batch AS b"
                " WHERE b.run_id = r.id AND b.check_at IS NOT NULL)"
                " ORDER BY r.finished_at LIMIT $2))"},
        // Of a person one is enough: the last, which no sync can have taken before the others.
        {.order = 172,
         .what = "repeated marks of audiences",
         .sql = "DELETE FROM pulse.audience_mark WHERE ctid = ANY (ARRAY(SELECT m.ctid"
                " FROM pulse.audience_mark AS m WHERE $1 IS NOT NULL AND EXISTS (SELECT"
                " FROM pulse.audience_mark AS n WHERE n.audience_id = m.audience_id"
                " AND n.profile_id = m.profile_id AND n.id > m.id) LIMIT $2))"}}};

namespace {

[[maybe_unused]] const bool audiences_registered =
    pg::RegisterJobKind(kAudiencesJob) && diagnosis::RegisterUsedSegments(AddSegmentsOfAudiences);

}  // namespace

}  // namespace pulse::audience
