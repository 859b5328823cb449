#include "pulse/diagnosis/store_agent_scope.hpp"

#include <algorithm>

#include "pulse/diagnosis/text.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/segment/store.hpp"
#include "pulse/segment/request.hpp"

namespace pulse::diagnosis {

namespace {

using pg::Value;

constexpr const char* kSegment =
    "SELECT id, name, pulse.role_name(runs_as, role_oid), search_path, definition FROM pulse.segment ";

VisibleSegment ReadSegment(const pg::Row& row) {
    return {row.Int8(0), row.Text(1), row.Text(2), row.Text(3), row.Jsonb(4)};
}

// Removes quotes that are not needed.
std::string Plain(std::string relation) {
    std::erase(relation, '"');
    return relation;
}

// Whether a role sees all rows of a relation of this database. Relations on servers depend on the user
// mapping, and views and row-level security may show each role something else, so they are excluded.
bool CanRead(const std::string& role, const std::string& relation) {
    static pg::Statement statement(
        "SELECT coalesce(has_table_privilege(r.oid, to_regclass($2), 'SELECT') AND "
        "has_schema_privilege(r.oid, c.relnamespace, 'USAGE'), false) FROM pg_roles AS r"
        " JOIN pg_class AS c ON c.oid = to_regclass($2) "
        "AND c.relkind IN ('r', 'p', 'm') AND NOT c.relrowsecurity WHERE r.rolname = $1",
        {TEXTOID, TEXTOID});
    const pg::Result rows = statement.Execute({Value::Text(role), Value::Text(relation)}, true);
    return !rows.empty() && rows[0].Bool(0);
}

bool IsVisible(const AgentScope& scope, const VisibleSegment& segment) {
    if (segment.runs_as == scope.role) return true;
    if (!segment::SourcesOf(segment.definition).empty()) return false;
    // A query's names may be in any schema of its path; one that is ambiguous is not visible.
    if (!segment.definition.value("query", "").empty()) return false;
    const std::vector<std::string> relations = segment::RelationsOf(segment.definition, segment.search_path);
    return !relations.empty() && std::all_of(relations.begin(), relations.end(), [&](const std::string& one) {
        return CanRead(scope.role, one);
    });
}

[[noreturn]] void ThrowHidden(const std::string& what) {
    throw UserError(sqlstate::kUndefinedObject,
                    "there is no " + what + ", or it is not visible for this incident");
}

}  // namespace

AgentScope LoadScope(int64_t incident) {
    const pg::Result rows = pg::Execute(
        "SELECT coalesce(pulse.role_name(s.runs_as, s.role_oid), pulse.role_name(m.runs_as, m.role_oid)),"
        " coalesce(s.name, ''), coalesce(i.relation, '')"
        " FROM pulse.incident_record AS i"
        " LEFT JOIN pulse.segment AS s ON s.id = i.segment_id"
        " LEFT JOIN pulse.monitor AS m ON m.id = i.monitor_id WHERE i.id = $1",
        {Value::Int8(incident)});
    if (rows.empty())
        throw UserError(sqlstate::kUndefinedObject,
                        "incident " + std::to_string(incident) + " no longer exists");
    return {incident, rows[0].Text(0), rows[0].Text(1), rows[0].Text(2)};
}

VisibleSegment FindSegment(const AgentScope& scope, const std::string& name) {
    const pg::Result rows = pg::Execute(std::string(kSegment) + "WHERE name = $1", {Value::Text(name)});
    if (!rows.empty()) {
        VisibleSegment found = ReadSegment(rows[0]);
        if (IsVisible(scope, found)) return found;
    }
    ThrowHidden("segment \"" + Short(name) + "\"");
}

void FindIncident(const AgentScope& scope, int64_t incident, bool of_segment) {
    const pg::Result rows = pg::Execute(
        "SELECT coalesce(s.name, ''), coalesce(i.relation, '') FROM pulse.incident_record AS i "
        "LEFT JOIN pulse.segment AS s ON s.id = i.segment_id WHERE i.id = $1",
        {Value::Int8(incident)});
    const bool seen = !rows.empty() && IsVisible(scope, rows[0].Text(0), rows[0].Text(1));
    if (!seen) ThrowHidden("incident " + std::to_string(incident));
    if (of_segment && rows[0].Text(0).empty())
        throw UserError(sqlstate::kNotSupported, "incident " + std::to_string(incident) +
                                                     " is about a table, which has no attributes");
}

int64_t FindMonitor(const AgentScope& scope, const std::string& relation) {
    const pg::Result rows = pg::Execute(
        "SELECT id, relation, pulse.role_name(runs_as, role_oid), coalesce(source, '') FROM pulse.monitor"
        " WHERE replace(relation, '\"', '') = $1 ORDER BY id",
        {Value::Text(Plain(relation))});
    for (uint64_t i = 0; i < rows.size(); ++i)
        if (rows[i].Text(2) == scope.role ||
            (rows[i].Text(3).empty() && CanRead(scope.role, rows[i].Text(1))))
            return rows[i].Int8(0);
    ThrowHidden("monitored table \"" + Short(relation) + "\"");
}

std::vector<VisibleSegment> SegmentsOver(const AgentScope& scope, const std::string& relation) {
    constexpr size_t kMost = 10;
    const pg::Result rows = pg::Execute(
        std::string(kSegment) +
            "WHERE replace(definition ->> 'from', '\"', '') = $1 OR definition ? 'query' ORDER BY id"
            " LIMIT 500",
        {Value::Text(Plain(relation))});
    std::vector<VisibleSegment> found;
    for (uint64_t i = 0; i < rows.size() && found.size() < kMost; ++i) {
        VisibleSegment one = ReadSegment(rows[i]);
        if (!IsVisible(scope, one)) continue;
        const std::vector<std::string> relations = segment::RelationsOf(one.definition, one.search_path);
        if (std::any_of(relations.begin(), relations.end(),
                        [&](const std::string& each) { return Plain(each) == Plain(relation); }))
            found.push_back(std::move(one));
    }
    return found;
}

bool IsVisible(const AgentScope& scope, const std::string& segment, const std::string& relation) {
    try {
        if (!segment.empty())
            FindSegment(scope, segment);
        else
            FindMonitor(scope, relation);
        return true;
    } catch (const UserError&) {
        return false;  // raised by us, not by PostgreSQL
    }
}

void KeepVisible(const AgentScope& scope, DiagnosisInput& input) {
    std::erase_if(input.correlated, [&](const CorrelatedIncident& one) {
        return !IsVisible(scope, one.segment, one.relation);
    });
    if (input.on_server && !std::all_of(input.on_server->others.begin(), input.on_server->others.end(),
                                        [&](const auto& one) { return IsVisible(scope, one.second, ""); }))
        input.on_server.reset();
    std::erase_if(input.tables,
                  [&](const TableIncident& one) { return !IsVisible(scope, "", one.relation); });
}

void KeepVisible(const AgentScope& scope, TableDiagnosisInput& input) {
    std::erase_if(input.concurrent, [&](const ConcurrentIncident& one) {
        return !IsVisible(scope, one.segment, one.relation);
    });
}

std::string AttributesOf(const VisibleSegment& segment) {
    const pg::Result rows = pg::Execute(
        "SELECT coalesce(string_agg(d.attribute, ', ' ORDER BY d.attribute), 'none')"
        " FROM pulse.distribution AS d WHERE d.snapshot_id = "
        "(SELECT id FROM pulse.snapshot WHERE segment_id = $1 AND status = 'ok' ORDER BY taken_at DESC"
        " LIMIT 1)",
        {Value::Int8(segment.id)});
    return Short(rows[0].Text(0), 1000);
}

void LearnNewest(const VisibleSegment& segment, Redactor& redactor) {
    const pg::Result rows = pg::Execute(
        "SELECT u.label FROM pulse.distribution AS d, unnest(d.labels, d.counts) AS u (label, people)"
        " WHERE u.label IS NOT NULL AND u.people >= $2 AND d.snapshot_id = "
        "(SELECT id FROM pulse.snapshot WHERE segment_id = $1 AND status = 'ok' ORDER BY taken_at DESC"
        " LIMIT 1)",
        {Value::Int8(segment.id), Value::Int8(kMinPeople)});
    for (uint64_t i = 0; i < rows.size(); ++i) redactor.Learn(rows[i].Text(0));
}

}  // namespace pulse::diagnosis
