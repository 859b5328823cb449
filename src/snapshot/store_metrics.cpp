// What pulse_metrics() says of snapshots.
#include "pulse/pg/metric_report.hpp"
#include "pulse/pg/settings.hpp"

namespace pulse::snapshot {

namespace {

// The newest good snapshot of the first segments by name; one that has failed 50 times in a row has none.
constexpr const char* kNewest =
    "SELECT s.name, n.size::float8, extract(epoch FROM n.taken_at)::float8, n.entered::float8, n.exited::float8"
    " FROM (SELECT id, name FROM pulse.segment WHERE status = 'active' ORDER BY name LIMIT $1) AS s"
    " CROSS JOIN LATERAL (SELECT w.* FROM (SELECT p.taken_at, p.status, p.size, p.entered, p.exited"
    " FROM pulse.snapshot AS p WHERE p.segment_id = s.id ORDER BY p.taken_at DESC LIMIT 50) AS w"
    " WHERE w.status = 'ok' ORDER BY w.taken_at DESC LIMIT 1) AS n ORDER BY s.name";

void ReportSnapshots(pg::MetricReport& report) {
    const pg::Result rows = pg::Execute(kNewest, {pg::Value::Int8(pg::settings::metrics_limit)}, true);
    report.Family(MetricType::kGauge, "pulse_segment_size", "Members in the newest snapshot of a segment.");
    report.AddRows(rows, {"segment"}, 1);
    report.Family(MetricType::kGauge, "pulse_segment_snapshot_timestamp_seconds",
                  "When the newest snapshot of a segment was taken.", "seconds");
    report.AddRows(rows, {"segment"}, 2);
    report.Family(MetricType::kGauge, "pulse_segment_entered",
                  "Members of the newest snapshot of a segment that the one before did not have.");
    report.AddRows(rows, {"segment"}, 3);
    report.Family(MetricType::kGauge, "pulse_segment_exited",
                  "Members that the newest snapshot of a segment has lost since the one before.");
    report.AddRows(rows, {"segment"}, 4);
}

[[maybe_unused]] const bool metrics_registered = pg::RegisterMetrics(30, ReportSnapshots);

}  // namespace

}  // namespace pulse::snapshot
