// What pulse_metrics() says of audiences.
#include "pulse/pg/metric_report.hpp"
#include "pulse/pg/settings.hpp"

namespace pulse::audience {

namespace {

using pg::Value;

void ReportAudiences(pg::MetricReport& report) {
    const pg::Result rows = pg::Execute(
        "SELECT a.name, a.destination, a.people::float8, a.match_low, a.match_high,"
        " greatest(0, extract(epoch FROM clock_timestamp() - a.last_sync_at))::float8, r.failed::float8"
        " FROM pulse.audience AS a LEFT JOIN LATERAL (SELECT r.failed FROM pulse.sync_run AS r"
        " WHERE r.audience_id = a.id AND r.finished_at IS NOT NULL ORDER BY r.id DESC LIMIT 1) AS r ON true"
        " ORDER BY a.id LIMIT $1",
        {Value::Int8(pg::settings::metrics_limit)}, true);
    report.Family(MetricType::kGauge, "pulse_audience_people",
                  "People who were sent to the platform of an audience and not removed from it.");
    report.AddRows(rows, {"audience", "destination"}, 2);
    report.Family(MetricType::kGauge, "pulse_audience_match_low",
                  "The smallest match rate of an audience that the platform's figures allow, 0 to 1.");
    report.AddRows(rows, {"audience", "destination"}, 3);
    report.Family(MetricType::kGauge, "pulse_audience_match_high",
                  "The largest match rate of an audience that the platform's figures allow, 0 to 1.");
    report.AddRows(rows, {"audience", "destination"}, 4);
    report.Family(MetricType::kGauge, "pulse_audience_sync_age_seconds",
                  "Time since the last successful sync of an audience.", "seconds");
    report.AddRows(rows, {"audience", "destination"}, 5);
    report.Family(MetricType::kGauge, "pulse_audience_refused",
                  "People whom the platform refused in the last sync of an audience.");
    report.AddRows(rows, {"audience", "destination"}, 6);
    report.Family(MetricType::kGauge, "pulse_syncs",
                  "Syncs of audiences that have not ended, by their status.");
    report.AddRows(pg::Execute("SELECT s.status, count(r.status)::float8 FROM"
                               " unnest('{pending,processing,held}'::text[]) WITH ORDINALITY AS s (status, n)"
                               " LEFT JOIN (SELECT o.status FROM pulse.sync_run AS o WHERE o.status IN"
                               " ('pending', 'processing', 'held')) AS r ON r.status = s.status"
                               " GROUP BY s.status, s.n ORDER BY s.n",
                               {}, true),
                   {"status"}, 1);
    report.Family(MetricType::kGauge, "pulse_erasures_pending",
                  "Removals of erased people that a platform has not confirmed. At most " PULSE_MOST_COUNTED
                  " are counted.");
    report.AddRows(pg::Execute("SELECT (SELECT count(*) FROM (SELECT FROM pulse.audience_removal"
                               " WHERE cause = 'erased' LIMIT " PULSE_MOST_COUNTED ") AS e)::float8",
                               {}, true),
                   {}, 0);
}

[[maybe_unused]] const bool audience_metrics_registered = pg::RegisterMetrics(120, ReportAudiences);

}  // namespace

}  // namespace pulse::audience
