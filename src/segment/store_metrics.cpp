// What pulse_metrics() says of segments.
#include "pulse/pg/metric_report.hpp"

namespace pulse::segment {

namespace {

void ReportSegments(pg::MetricReport& report) {
    report.Family(MetricType::kGauge, "pulse_segments", "Segments by status.");
    report.AddRows(
        pg::Execute(
            "SELECT n.status, count(s.id)::float8 FROM unnest('{active,draft,paused,archived}'::text[])"
            " WITH ORDINALITY AS n (status, place) LEFT JOIN pulse.segment AS s"
            " ON s.status = n.status GROUP BY n.status, n.place ORDER BY n.place",
            {}, true),
        {"status"});
}

[[maybe_unused]] const bool metrics_registered = pg::RegisterMetrics(20, ReportSegments);

}  // namespace

}  // namespace pulse::segment
