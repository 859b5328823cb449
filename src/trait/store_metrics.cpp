// What pulse_metrics() says of people who are evaluated later, and of exports.
#include "pulse/pg/metric_report.hpp"

namespace pulse::trait {

namespace {

// How many there are, and how long the first has waited.
constexpr const char* kQueues =
    "SELECT q.reason, q.people::float8, CASE WHEN q.timed THEN"
    " greatest(0, coalesce(extract(epoch FROM clock_timestamp() - q.since), 0))::float8 END FROM ("
    "SELECT 'queued' AS reason, (SELECT count(*) FROM (SELECT FROM pulse.dirty LIMIT " PULSE_MOST_COUNTED
    ") AS d) AS people, (SELECT d.at FROM pulse.dirty AS d ORDER BY d.id LIMIT 1) AS since, true AS timed"
    " UNION ALL SELECT 'due', (SELECT count(*) FROM (SELECT FROM pulse.profile_state"
    " WHERE next_change_at <= clock_timestamp() LIMIT " PULSE_MOST_COUNTED
    ") AS s), (SELECT min(next_change_at) FROM pulse.profile_state WHERE next_change_at <= clock_timestamp()), true"
    " UNION ALL SELECT 'set_aside', (SELECT count(*) FROM (SELECT FROM pulse.unsettled_person LIMIT " PULSE_MOST_COUNTED
    ") AS u), NULL, false) AS q";

void ReportPeople(pg::MetricReport& report) {
    const pg::Result rows = pg::Execute(kQueues, {}, true);
    report.Family(
        MetricType::kGauge, "pulse_people_waiting",
        "People whom the pipeline has to evaluate: queued (by an event), due (by the clock), set_aside (the "
        "evaluation fails). At most " PULSE_MOST_COUNTED " of a kind are counted.");
    report.AddRows(rows, {"reason"}, 1);
    report.Family(MetricType::kGauge, "pulse_people_waiting_seconds",
                  "How long the first of the people has waited for the pipeline; 0 if none waits.",
                  "seconds");
    report.AddRows(rows, {"reason"}, 2);
    report.Family(MetricType::kGauge, "pulse_builds", "Segments and metrics of people that are being built.");
    report.AddRows(pg::Execute("SELECT ((SELECT count(*) FROM pulse.live_segment WHERE built_to IS NOT NULL)"
                               " + (SELECT count(*) FROM pulse.metric WHERE built_to IS NOT NULL))::float8",
                               {}, true),
                   {});
}

void ReportExports(pg::MetricReport& report) {
    const pg::Result rows =
        pg::Execute("SELECT count(*)::float8, coalesce(sum(bytes), 0)::float8 FROM pulse.export", {}, true);
    report.Family(MetricType::kGauge, "pulse_exports",
                  "Files of pulse_export_segment() and pulse_export_audience().");
    report.AddRows(rows, {}, 0);
    report.Family(MetricType::kGauge, "pulse_export_bytes", "Size of these files.", "bytes");
    report.AddRows(rows, {}, 1);
}

[[maybe_unused]] const bool people_metrics_registered = pg::RegisterMetrics(80, ReportPeople);
[[maybe_unused]] const bool export_metrics_registered = pg::RegisterMetrics(110, ReportExports);

}  // namespace

}  // namespace pulse::trait
