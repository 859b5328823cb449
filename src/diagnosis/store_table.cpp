// Loads the input for an incident of a monitored table, and the incidents of the tables that a segment reads.
#include <algorithm>

#include "pulse/diagnosis/store.hpp"
#include "pulse/diagnosis/table.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/segment/store.hpp"

namespace pulse::diagnosis {

namespace {

using pg::Value;

constexpr int64_t kMaxConcurrent = 50;

// Other live incidents, or those that were live when it was, nearest in time first; of segments only those
// over the table.
void LoadConcurrentIncidents(TableDiagnosisInput& input, int64_t monitor) {
    const pg::Result rows = pg::Execute(
        "SELECT i.id, coalesce(i.relation, ''), i.detector, i.attribute, i.summary, coalesce(s.name, ''), "
        "i.since, "
        "coalesce(i.monitor_id = $2, false), i.monitor_id IS NOT NULL AND coalesce(i.source, '') = $3, "
        "s.definition, s.search_path FROM pulse.incident_record AS i LEFT JOIN pulse.segment AS s ON s.id = "
        "i.segment_id "
        "WHERE i.id <> $1 AND i.status <> 'ignored' AND coalesce(i.closed_at, 'infinity') >= $4 "
        "AND (i.monitor_id IS NOT NULL AND i.since <= $5 OR i.segment_id IS NOT NULL AND i.since >= $4 "
        "AND coalesce(s.definition ->> 'source', '') = $3) ORDER BY i.since, i.id LIMIT $6",
        {Value::Int8(input.incident), Value::Int8(monitor), Value::Text(input.source),
         Value::Time(input.since), Value::Time(input.last_seen_at), Value::Int8(kMaxConcurrent)});
    for (uint64_t i = 0; i < rows.size(); ++i) {
        const pg::Row row = rows[i];
        if (!row.Text(5).empty()) {
            const std::vector<std::string> relations = segment::RelationsOf(row.Jsonb(9), row.Text(10));
            if (std::find(relations.begin(), relations.end(), input.relation) == relations.end()) continue;
        }
        input.concurrent.push_back({row.Int8(0), row.Text(1), row.Text(2), row.Text(3), row.Text(4),
                                    row.Text(5), row.Time(6), row.Bool(7), row.Bool(8)});
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

}  // namespace

std::optional<TableDiagnosisInput> LoadTableDiagnosisInput(int64_t incident) {
    const pg::Result rows = pg::Execute(
        "SELECT i.monitor_id, i.relation, coalesce(i.source, ''), i.detector, i.attribute, i.severity, "
        "i.status, i.direction, "
        "i.summary, i.baseline, i.observed, i.since, i.opened_at, i.last_seen_at, (SELECT count(*) FROM "
        "pulse.monitor AS m "
        "WHERE m.status = 'active' AND coalesce(m.source, '') = coalesce(i.source, '')) "
        "FROM pulse.incident_record AS i WHERE i.id = $1 AND i.monitor_id IS NOT NULL",
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
    const std::string verbs = pg::VerbSchema();
    input.verbs = verbs == "public" ? "" : verbs + ".";
    LoadConcurrentIncidents(input, row.Int8(0));
    LoadTableHistory(input, row.Int8(0));
    return input;
}

std::vector<TableIncident> SourceTableIncidents(const nlohmann::json& definition,
                                                const std::string& search_path, Moment since) {
    std::vector<TableIncident> tables;
    if (pg::Execute("SELECT FROM pulse.monitor LIMIT 1").empty()) return tables;
    const std::vector<std::string> relations = segment::RelationsOf(definition, search_path);
    if (relations.empty()) return tables;
    const std::string source = definition.contains("source") && definition["source"].is_string()
                                   ? definition["source"].get<std::string>()
                                   : "";
    const pg::Result rows = pg::Execute(
        "SELECT id, relation, detector, attribute, direction, summary, began FROM (SELECT i.*, "
        "coalesce((SELECT max(e.at) "
        "FROM pulse.incident_event AS e WHERE e.incident_id = i.id AND e.kind = 'reopened' AND e.at <= $3), "
        "i.since) AS began "
        "FROM pulse.incident_record AS i WHERE i.monitor_id IS NOT NULL AND i.relation = ANY ($1) "
        "AND coalesce(i.source, '') = $2 AND i.since <= $3 AND coalesce(i.closed_at, 'infinity') >= $3 "
        "AND i.detector <> 'table_replication_lag') AS t "
        "ORDER BY detector NOT IN ('table_freshness', 'table_volume'), began, id LIMIT 10",
        {Value::Texts(relations), Value::Text(source), Value::Time(since)});
    for (uint64_t i = 0; i < rows.size(); ++i)
        tables.push_back({rows[i].Int8(0), rows[i].Text(1), rows[i].Text(2), rows[i].Text(3), rows[i].Text(4),
                          rows[i].Text(5), rows[i].Time(6)});
    return tables;
}

}  // namespace pulse::diagnosis
