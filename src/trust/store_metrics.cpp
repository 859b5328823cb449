// What pulse_metrics() says of trust.
#include "pulse/pg/metric_report.hpp"
#include "pulse/pg/settings.hpp"

namespace pulse::trust {

namespace {

void ReportTrustMetrics(pg::MetricReport& report) {
    report.Family(MetricType::kGauge, "pulse_signal_health_score",
                  "Score of signal health from 0 to 100, of all and of what decisions ask for.");
    report.AddRows(pg::Execute("SELECT scope, score FROM pulse.signal_health_state WHERE status <> 'unknown'"
                               " ORDER BY scope <> 'all', used_at DESC, scope LIMIT $1",
                               {pg::Value::Int4(pg::settings::metrics_limit)}, true),
                   {"scope"});
    report.Family(MetricType::kGauge, "pulse_signal_health_scopes",
                  "Scopes by status: healthy, degraded, unhealthy or unknown.");
    report.AddRows(
        pg::Execute(
            "SELECT n.status, count(s.scope)::float8 FROM unnest('{healthy,degraded,unhealthy,unknown}'::text[])"
            " WITH ORDINALITY AS n (status, place) LEFT JOIN pulse.signal_health_state AS s"
            " ON s.status = n.status GROUP BY n.status, n.place ORDER BY n.place",
            {}, true),
        {"status"});
    report.Family(
        MetricType::kGauge, "pulse_gate_refused",
        "Decisions of the gate in the last 24 hours that did not pass, by decision: hold or block.");
    report.AddRows(
        pg::Execute(
            "SELECT n.decision, count(d.decision)::float8 FROM unnest('{hold,block}'::text[]) WITH ORDINALITY AS"
            " n (decision, place) LEFT JOIN (SELECT g.decision FROM pulse.gate_decision AS g WHERE"
            " g.decision <> 'pass' AND g.recorded_at > clock_timestamp() - interval '1 day' LIMIT"
            " " PULSE_MOST_COUNTED ") AS d ON d.decision = n.decision GROUP BY n.decision, n.place ORDER BY"
            " n.place",
            {}, true),
        {"decision"});
    report.Family(MetricType::kGauge, "pulse_frozen", "1 while pulse_freeze() holds, else 0.");
    report.AddRows(
        pg::Execute("SELECT EXISTS (SELECT FROM pulse.freeze WHERE frozen)::int::float8", {}, true), {});
}

[[maybe_unused]] const bool trust_metrics_registered = pg::RegisterMetrics(97, ReportTrustMetrics);

}  // namespace

}  // namespace pulse::trust
