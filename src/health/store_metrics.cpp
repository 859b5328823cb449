// What pulse_metrics() says of monitored tables.
#include "pulse/pg/metric_report.hpp"

namespace pulse::health {

namespace {

void ReportTables(pg::MetricReport& report) {
    report.Family(MetricType::kGauge, "pulse_monitored_tables",
                  "Monitored tables by state: red, yellow, unknown or green.");
    report.AddRows(
        pg::Execute("SELECT n.state, count(o.state)::float8 FROM unnest('{red,yellow,unknown,green}'::text[])"
                    " WITH ORDINALITY AS n (state, place) LEFT JOIN pulse.table_overview AS o"
                    " ON o.state = n.state GROUP BY n.state, n.place ORDER BY n.place",
                    {}, true),
        {"state"});
}

[[maybe_unused]] const bool metrics_registered = pg::RegisterMetrics(50, ReportTables);

}  // namespace

}  // namespace pulse::health
