// What pulse_metrics() says of the servers that are read.
#include "pulse/pg/foreign.hpp"
#include "pulse/pg/metric_report.hpp"
#include "pulse/pg/settings.hpp"

namespace pulse::source {

namespace {

constexpr const char* kVisits =
    "SELECT s.name, t.status, count(u.status)::float8 FROM unnest($1::text[]) AS s (name)"
    " CROSS JOIN unnest('{ok,refused,unreachable,failed}'::text[]) WITH ORDINALITY AS t (status, place)"
    " LEFT JOIN (SELECT n.name, v.status FROM unnest($1::text[]) AS n (name) CROSS JOIN LATERAL"
    " (SELECT o.status FROM pulse.source_usage AS o WHERE o.source = n.name"
    " AND o.at > clock_timestamp() - interval '1 hour' ORDER BY o.at DESC LIMIT 1000) AS v) AS u"
    " ON u.name = s.name AND u.status = t.status GROUP BY s.name, t.status, t.place ORDER BY s.name, t.place";
constexpr const char* kReached =
    "SELECT s.name, extract(epoch FROM (SELECT u.at FROM pulse.source_usage AS u WHERE u.source = s.name"
    " AND u.status = 'ok' ORDER BY u.at DESC LIMIT 1))::float8 FROM unnest($1::text[]) AS s (name) ORDER BY s.name";

void ReportSources(pg::MetricReport& report) {
    std::vector<std::string> names = pg::ServerNames("pulse_source");
    if (names.size() > static_cast<size_t>(pg::settings::metrics_limit))
        names.resize(static_cast<size_t>(pg::settings::metrics_limit));
    report.Family(
        MetricType::kGauge, "pulse_source_visits",
        "Visits to a source in the last hour, by result: refused and unreachable ones were skipped. The newest 1000 are counted.");
    report.AddRows(pg::Execute(kVisits, {pg::Value::Texts(names)}, true), {"source", "status"});
    report.Family(MetricType::kGauge, "pulse_source_last_success_timestamp_seconds",
                  "When the last visit to a source that succeeded began.", "seconds");
    report.AddRows(pg::Execute(kReached, {pg::Value::Texts(names)}, true), {"source"});
}

[[maybe_unused]] const bool metrics_registered = pg::RegisterMetrics(100, ReportSources);

}  // namespace

}  // namespace pulse::source
