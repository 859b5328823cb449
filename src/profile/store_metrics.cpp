// What pulse_metrics() says of events.
#include "pulse/pg/metric_report.hpp"
#include "pulse/pg/settings.hpp"

namespace pulse::profile {

namespace {

// The totals of the first sources by name, and what has not been added to them yet. The oldest tallies are
// added first, so the sums never fall.
constexpr const char* kTotals =
    "WITH tally AS MATERIALIZED (SELECT t.source, sum(t.accepted) AS accepted, sum(t.duplicates) AS duplicates,"
    " sum(t.conflicting) AS conflicting, sum(t.rejected) AS rejected FROM (SELECT * FROM pulse.ingest_tally"
    " ORDER BY id LIMIT " PULSE_MOST_COUNTED
    ") AS t GROUP BY t.source), "
    "named AS (SELECT source FROM tally UNION (SELECT source FROM pulse.source_total ORDER BY source LIMIT $1)"
    " ORDER BY source LIMIT $1) "
    "SELECT n.source, v.verdict, v.events::float8 FROM named AS n"
    " LEFT JOIN pulse.source_total AS o ON o.source = n.source LEFT JOIN tally AS t ON t.source = n.source"
    " CROSS JOIN LATERAL (VALUES"
    " (1, 'accepted', coalesce(o.accepted, 0) + coalesce(t.accepted, 0)),"
    " (2, 'duplicate', coalesce(o.duplicates - o.conflicting, 0) + coalesce(t.duplicates - t.conflicting, 0)),"
    " (3, 'conflicting_duplicate', coalesce(o.conflicting, 0) + coalesce(t.conflicting, 0)),"
    " (4, 'rejected', coalesce(o.rejected, 0) + coalesce(t.rejected, 0))) AS v (place, verdict, events)"
    " ORDER BY n.source, v.place";

void ReportEvents(pg::MetricReport& report) {
    report.Family(MetricType::kCounter, "pulse_events_total", "Events received, by source and verdict.");
    report.AddRows(pg::Execute(kTotals, {pg::Value::Int8(pg::settings::metrics_limit)}, true),
                   {"source", "verdict"});
}

[[maybe_unused]] const bool metrics_registered = pg::RegisterMetrics(70, ReportEvents);

}  // namespace

}  // namespace pulse::profile
