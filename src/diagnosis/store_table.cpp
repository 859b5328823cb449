// Loads the input for an incident of a monitored table, and the incidents of the tables that a segment reads.
#include <algorithm>

#include "pulse/diagnosis/store.hpp"
#include "pulse/diagnosis/table.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/segment/store.hpp"
#include "pulse/segment/request.hpp"

namespace pulse::diagnosis {

namespace {

using pg::Value;

constexpr int64_t kMaxConcurrent = 50;

// When the newest row of a late table arrived, and when it was late therefore, as its check saw it last.
std::string LateTimes() {
    std::string both;
    for (const char* seconds : {"- r.observed", "- r.observed + r.expected_high"})
        both +=
            std::string(both.empty() ? "" : ", ") + "(SELECT r.at + (" + seconds +
            ") * interval '1 second' FROM pulse.monitor_check AS c JOIN pulse.check_result AS r ON r.check_id "
            "= c.id WHERE i.detector = 'table_freshness' AND c.monitor_id = i.monitor_id AND c.kind = "
            "'freshness' AND c.attribute = i.attribute AND r.status = 'bad' AND r.observed IS NOT NULL AND "
            "r.at <= i.last_seen_at ORDER BY r.at DESC LIMIT 1)";
    return both;
}

// Other live incidents, or those that were live when it was, nearest in time first; of segments only those
// over the table.
void LoadConcurrentIncidents(TableDiagnosisInput& input, int64_t monitor) {
    const pg::Result rows = pg::Execute(
        "SELECT i.id, coalesce(i.relation, ''), i.detector, i.attribute, i.summary, coalesce(s.name, ''), "
        "i.since, "
        "coalesce(i.monitor_id = $2, false), i.monitor_id IS NOT NULL AND coalesce(i.source, '') = $3, "
        "s.definition, s.search_path, coalesce((SELECT p.taken_at FROM pulse.snapshot AS p WHERE p.id = "
        "i.baseline_snapshot) < $4, true), " +
            LateTimes() +
            " FROM pulse.incident_record AS i LEFT JOIN pulse.segment AS s ON s.id = "
            "i.segment_id "
            "WHERE i.id <> $1 AND i.status <> 'ignored' AND coalesce(i.closed_at, 'infinity') >= $4 "
            "AND (i.monitor_id IS NOT NULL AND i.since <= $5 OR i.segment_id IS NOT NULL AND i.since >= $4 "
            "AND coalesce(s.definition -> 'source' ? $3, $3 = '')) ORDER BY i.since, i.id LIMIT $6",
        {Value::Int8(input.incident), Value::Int8(monitor), Value::Text(input.source),
         Value::Time(input.since), Value::Time(input.last_seen_at), Value::Int8(kMaxConcurrent)});
    for (uint64_t i = 0; i < rows.size(); ++i) {
        const pg::Row row = rows[i];
        bool explained = false;
        if (!row.Text(5).empty()) {
            const nlohmann::json definition = row.Jsonb(9);
            const std::vector<std::string> relations = segment::RelationsOf(definition, row.Text(10));
            if (std::find(relations.begin(), relations.end(), input.relation) == relations.end()) continue;
            explained = ExplainsSegment(input.detector, input.attribute, row.Bool(11), definition,
                                        row.Text(2), row.Text(3));
        }
        input.concurrent.push_back({row.Int8(0), row.Text(1), row.Text(2), row.Text(3), row.Text(4),
                                    row.Text(5), row.Time(6), row.Bool(7), row.Bool(8), row.TimeOrNull(12),
                                    row.TimeOrNull(13), explained});
    }
}

void LoadTableHistory(TableDiagnosisInput& input, int64_t monitor) {
    const pg::Result check = pg::Execute(
        "SELECT c.id, coalesce(c.settings ->> 'column', ''), coalesce(c.last_status = 'error', false) FROM "
        "pulse.monitor_check AS c "
        "WHERE c.monitor_id = $1 AND 'table_' || c.kind = $2 AND c.attribute = $3",
        {Value::Int8(monitor), Value::Text(input.detector), Value::Text(input.attribute)});
    if (check.empty()) return;
    input.column = check[0].Text(1);
    input.failing = check[0].Bool(2);
    const pg::Result good = pg::Execute(
        "SELECT at, observed FROM pulse.check_result WHERE check_id = $1 AND at < $2 AND status = 'ok' ORDER "
        "BY at DESC LIMIT 1",
        {Value::Int8(check[0].Int8(0)), Value::Time(input.opened_at)});
    if (good.empty()) return;
    input.last_good = good[0].Time(0);
    input.last_good_value = good[0].Float8OrNull(1);
}

// Whether the table is gone, and which tables of its schema have the columns that were accepted for it.
void LoadExistence(TableDiagnosisInput& input, int64_t monitor) {
    if (!input.source.empty()) return;
    input.gone = pg::Execute("SELECT FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass($1)",
                             {Value::Text(input.relation)})
                     .empty();
    if (!input.gone) return;
    const pg::Result rows = pg::Execute(
        "SELECT format('%I.%I', n.nspname, r.relname) FROM pulse.monitor_check AS c, LATERAL ("
        "SELECT jsonb_agg(k ->> 'name' ORDER BY k ->> 'name') AS names "
        "FROM jsonb_array_elements(c.state -> 'columns') AS k) AS accepted, pg_catalog.pg_class AS r "
        "JOIN pg_catalog.pg_namespace AS n ON n.oid = r.relnamespace "
        "WHERE c.monitor_id = $1 AND c.kind = 'schema' AND jsonb_typeof(c.state -> 'columns') = 'array' "
        "AND n.nspname = (parse_ident($2))[1] AND r.relkind IN ('r', 'p', 'f', 'v', 'm') "
        "AND accepted.names = (SELECT jsonb_agg(a.attname ORDER BY a.attname::text) FROM "
        "pg_catalog.pg_attribute AS a WHERE a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped) "
        "ORDER BY r.oid DESC LIMIT 3",
        {Value::Int8(monitor), Value::Text(input.relation)});
    for (uint64_t i = 0; i < rows.size(); ++i) input.lookalikes.push_back(rows[i].Text(0));
}

}  // namespace

std::optional<TableDiagnosisInput> LoadTableDiagnosisInput(int64_t incident) {
    const pg::Result rows = pg::Execute(
        "SELECT i.monitor_id, i.relation, coalesce(i.source, ''), i.detector, i.attribute, i.severity, "
        "i.status, i.direction, "
        "i.summary, i.baseline, i.observed, i.since, i.opened_at, i.last_seen_at, (SELECT count(*) FROM "
        "pulse.monitor AS m "
        "WHERE m.status = 'active' AND coalesce(m.source, '') = coalesce(i.source, '')), " +
            LateTimes() + " FROM pulse.incident_record AS i WHERE i.id = $1 AND i.monitor_id IS NOT NULL",
        {Value::Int8(incident)});
    if (rows.empty()) return std::nullopt;
    const pg::Row row = rows[0];
    TableDiagnosisInput input;
    input.incident = incident;
    input.relation = row.Text(1);
    input.source = row.Text(2);
    input.detector = row.Text(3);
    input.attribute = row.Text(4);
    input.severity = row.Text(5);
    input.status = row.Text(6);
    input.direction = row.Text(7);
    input.summary = row.Text(8);
    input.baseline = row.Float8OrNull(9);
    input.observed = row.Float8OrNull(10);
    input.since = row.Time(11);
    input.opened_at = row.Time(12);
    input.last_seen_at = row.Time(13);
    input.tables_of_source = row.Int8(14);
    input.newest_row = row.TimeOrNull(15);
    input.late_at = row.TimeOrNull(16);
    const std::string verbs = pg::VerbSchema();
    input.verbs = verbs == "public" ? "" : verbs + ".";
    LoadConcurrentIncidents(input, row.Int8(0));
    LoadTableHistory(input, row.Int8(0));
    LoadExistence(input, row.Int8(0));
    return input;
}

std::vector<TableIncident> SourceTableIncidents(const nlohmann::json& definition,
                                                const std::string& search_path, Moment since) {
    std::vector<TableIncident> tables;
    if (pg::Execute("SELECT FROM pulse.monitor LIMIT 1").empty()) return tables;
    const std::vector<std::string> relations = segment::RelationsOf(definition, search_path);
    if (relations.empty()) return tables;
    std::vector<std::string> sources = segment::SourcesOf(definition);
    if (sources.empty()) sources.emplace_back();
    const pg::Result rows = pg::Execute(
        "SELECT id, relation, detector, attribute, direction, summary, began FROM (SELECT i.*, "
        "coalesce((SELECT max(e.at) "
        "FROM pulse.incident_event AS e WHERE e.incident_id = i.id AND e.kind = 'reopened' AND e.at <= $3), "
        "i.since) AS began "
        "FROM pulse.incident_record AS i WHERE i.monitor_id IS NOT NULL AND i.relation = ANY ($1) "
        "AND coalesce(i.source, '') = ANY ($2) AND i.since <= $3 AND coalesce(i.closed_at, 'infinity') >= $3 "
        "AND i.detector <> 'table_replication_lag') AS t "
        "ORDER BY detector NOT IN ('table_freshness', 'table_volume'), began, id LIMIT 10",
        {Value::Texts(relations), Value::Texts(sources), Value::Time(since)});
    for (uint64_t i = 0; i < rows.size(); ++i)
        tables.push_back({rows[i].Int8(0), rows[i].Text(1), rows[i].Text(2), rows[i].Text(3), rows[i].Text(4),
                          rows[i].Text(5), rows[i].Time(6)});
    return tables;
}

}  // namespace pulse::diagnosis
