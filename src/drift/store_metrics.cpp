// What pulse_metrics() says of incidents.
#include "pulse/pg/metric_report.hpp"

namespace pulse::drift {

namespace {

void ReportIncidents(pg::MetricReport& report) {
    report.Family(MetricType::kGauge, "pulse_incidents",
                  "Open and acknowledged incidents, by severity and status.");
    report.AddRows(
        pg::Execute(
            "SELECT v.severity, t.status, count(r.status)::float8"
            " FROM unnest('{critical,high,medium,low}'::text[]) WITH ORDINALITY AS v (severity, place)"
            " CROSS JOIN unnest('{open,acknowledged}'::text[]) AS t (status)"
            " LEFT JOIN (SELECT i.severity, i.status FROM pulse.incident_record AS i"
            " WHERE i.status IN ('open', 'acknowledged')) AS r USING (severity, status)"
            " GROUP BY v.severity, v.place, t.status ORDER BY v.place, t.status DESC",
            {}, true),
        {"severity", "status"});
    report.Family(MetricType::kGauge, "pulse_detector_incidents",
                  "Incidents that are open or acknowledged, by the detector that found them.");
    report.AddRows(
        pg::Execute("SELECT i.detector, count(*)::float8 FROM pulse.incident_record AS i"
                    " WHERE i.status IN ('open', 'acknowledged') GROUP BY i.detector ORDER BY i.detector",
                    {}, true),
        {"detector"});
}

[[maybe_unused]] const bool metrics_registered = pg::RegisterMetrics(40, ReportIncidents);

}  // namespace

}  // namespace pulse::drift
