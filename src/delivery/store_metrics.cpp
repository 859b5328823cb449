// What pulse_metrics() says of messages.
#include "pulse/delivery/store_by_index.hpp"
#include "pulse/pg/metric_report.hpp"

namespace pulse::delivery {

namespace {

constexpr const char* kByStatus =
    "SELECT 'pending', (SELECT count(*) FROM (SELECT FROM pulse.outbox WHERE status = 'pending' LIMIT " PULSE_MOST_COUNTED
    ") AS p)::float8"
    " UNION ALL SELECT 'sending', (SELECT count(*) FROM (SELECT FROM pulse.outbox WHERE status = 'sending' LIMIT " PULSE_MOST_COUNTED
    ") AS p)::float8"
    " UNION ALL SELECT 'dead', (SELECT count(*) FROM (SELECT FROM pulse.outbox WHERE status = 'dead'"
    " AND folded_into IS NULL LIMIT " PULSE_MOST_COUNTED ") AS p)::float8";

void ReportOutbox(pg::MetricReport& report) {
    report.Family(MetricType::kGauge, "pulse_messages",
                  "Messages that are pending, are being sent, or are dead. At most " PULSE_MOST_COUNTED
                  " of a status are counted.");
    report.AddRows(pg::Execute(kByStatus, {}, true), {"status"});
    report.Family(MetricType::kGauge, "pulse_message_overdue_seconds",
                  "How long the oldest message that is due has waited; 0 if none is.", "seconds");
    report.AddRows(
        pg::Execute(PULSE_DUE_CHANNELS
                    "SELECT greatest(0, coalesce(extract(epoch FROM clock_timestamp() - min(l.send_at)), 0))"
                    "::float8 FROM line AS l",
                    {}, true),
        {});
}

[[maybe_unused]] const bool metrics_registered = pg::RegisterMetrics(60, ReportOutbox);

}  // namespace

}  // namespace pulse::delivery
