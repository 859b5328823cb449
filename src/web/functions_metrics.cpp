// SQL functions for monitoring systems.
#include <nlohmann/json.hpp>

#include "pulse/pg/entry.hpp"
#include "pulse/pg/metric_report.hpp"
#include "pulse/pg/transaction.hpp"
#include "pulse/web/prometheus.hpp"

namespace pg = pulse::pg;
namespace web = pulse::web;

namespace pulse::web {

namespace {

void ReportServer(pg::MetricReport& report) {
    report.Family(MetricType::kGauge, "pulse_info", "Versions, as labels of the value 1.");
    report.AddRows(pg::Execute("SELECT e.extversion, $1, current_setting('server_version'), 1::float8"
                               " FROM pg_extension AS e WHERE e.extname = 'pulse'",
                               {pg::Value::Text(PULSE_VERSION)}, true),
                   {"version", "library", "server"});
    report.Family(MetricType::kGauge, "pulse_in_recovery", "Whether this server is a standby.");
    report.Add(pg::OnStandby() ? 1 : 0);
}

// The tables of schema pulse by what VACUUM and ANALYZE last saw: their pages, those of their indexes and of
// what is stored aside. Found by what depends on the schema: a database can have any number of other tables.
constexpr const char* kSizes =
    "SELECT r.name, sum(r.pages) * current_setting('block_size')::float8, sum(r.rows)"
    " FROM (SELECT coalesce((SELECT p.relname FROM pg_class AS p WHERE p.oid = pg_partition_root(c.oid)), c.relname)::text AS name, greatest(c.reltuples, 0)::float8 AS rows,"
    " (c.relpages + coalesce(a.relpages, 0) + (SELECT coalesce(sum(x.relpages), 0) FROM pg_index AS n"
    " JOIN pg_class AS x ON x.oid = n.indexrelid WHERE n.indrelid IN (c.oid, c.reltoastrelid)))::float8 AS pages"
    " FROM pg_depend AS d JOIN pg_class AS c ON c.oid = d.objid LEFT JOIN pg_class AS a ON a.oid = c.reltoastrelid"
    " WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = 'pulse'::regnamespace"
    " AND d.classid = 'pg_class'::regclass AND c.relkind = 'r') AS r GROUP BY r.name ORDER BY r.name";

void ReportTables(pg::MetricReport& report) {
    const pg::Result rows = pg::Execute(kSizes, {}, true);
    report.Family(
        MetricType::kGauge, "pulse_table_bytes",
        "Size of Pulse's tables with their indexes and partitions, estimated by VACUUM and ANALYZE.",
        "bytes");
    report.AddRows(rows, {"table"}, 1);
    report.Family(MetricType::kGauge, "pulse_table_rows",
                  "Rows of Pulse's tables with their partitions, estimated by VACUUM and ANALYZE.");
    report.AddRows(rows, {"table"}, 2);
}

[[maybe_unused]] const bool server_metrics_registered = pg::RegisterMetrics(10, ReportServer);
[[maybe_unused]] const bool table_metrics_registered = pg::RegisterMetrics(120, ReportTables);

pg::Json LabelsOf(const MetricSample& sample) {
    pg::Json labels = pg::Json::object();
    for (const auto& [name, value] : sample.labels) labels[name] = value;
    return labels;
}

}  // namespace

}  // namespace pulse::web

PULSE_FUNCTION(pulse_metrics) {
    using pg::Value;
    pg::ResultSet results(fcinfo);
    const pg::OwnerSession session;
    for (const pulse::MetricFamily& family : pg::CollectMetrics())
        for (const pulse::MetricSample& sample : family.samples)
            results.Add({Value::Text(family.name), Value::Text(pulse::Name(family.type)),
                         Value::Text(family.help),
                         family.unit.empty() ? Value::Null(TEXTOID) : Value::Text(family.unit),
                         Value::Jsonb(web::LabelsOf(sample)), Value::Float8(sample.value)});
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_metrics_text) {
    const bool openmetrics = pg::Args(fcinfo).Bool(0).value_or(false);
    std::string text;
    {
        const pg::OwnerSession session;
        text = web::PrometheusText(pg::CollectMetrics(), openmetrics);
    }
    return pg::FromText(text);
}
