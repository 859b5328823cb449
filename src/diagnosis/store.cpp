#include "pulse/diagnosis/store.hpp"

#include <set>

#include "pulse/diagnosis/rewrite.hpp"
#include "pulse/drift/unknown_incident.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/rule/compile.hpp"
#include "pulse/snapshot/store.hpp"
#include "pulse/segment/request.hpp"

namespace pulse::diagnosis {

namespace {

using pg::Value;

constexpr int64_t kMaxCorrelated = 20;  // segments whose snapshots are compared
constexpr int64_t kMaxHistory = 90;     // snapshots of history

// What ReadSnapshot() reads.
constexpr const char* kSnapshotColumns =
    "p.id, p.taken_at, p.version, p.status, p.size, p.converted, p.inactive, p.entered, p.exited, p.clauses, "
    "p.clause_passed, p.clause_missed_only, p.clause_rows, p.columns, p.error_state, p.error, p.missing ";

struct LoadedInput {
    DiagnosisInput input;
    int64_t segment_id = 0;
    std::optional<int64_t> before, after;  // snapshots
};

// The column of address.city is address.
std::string Reading(const std::string& name) {
    if (name.find('.') == std::string::npos) return "->> " + rule::QuoteText(name);
    std::string path;
    for (size_t begin = 0, end = 0; end != std::string::npos; begin = end + 1) {
        end = name.find('.', begin);
        path += (begin > 0 ? ", " : "") +
                rule::QuoteText(name.substr(begin, end == std::string::npos ? end : end - begin));
    }
    return "#>> ARRAY[" + path + "]";
}

// People with the attributes that a segment over them measures, as columns.
std::string PeopleWithAttributes(const nlohmann::json& definition) {
    std::string columns;
    for (const nlohmann::json& attribute : definition.value("attributes", nlohmann::json::array())) {
        const std::string name = attribute.value("name", "");
        columns += ", p.attributes " + Reading(name) + " AS " + rule::QuoteName(name);
    }
    return kPeople + columns + " FROM pulse.profile AS p WHERE p.canonical_id = p.id) AS s";
}

// The incident and its segment. Where the incident names no snapshots, the nearest ones around its beginning
// serve.
LoadedInput LoadIncident(int64_t incident) {
    const pg::Result rows = pg::Execute(
        "SELECT i.detector, i.attribute, i.severity, i.status, i.direction, i.baseline_kind, i.baseline, "
        "i.observed, i.change, "
        "i.threshold, i.since, s.id, s.name, s.status, s.version, s.definition, s.baseline, "
        "coalesce(i.baseline_snapshot, (SELECT p.id FROM pulse.snapshot AS p WHERE p.segment_id = s.id AND "
        "p.status = 'ok' "
        "AND p.taken_at < i.since ORDER BY p.taken_at DESC LIMIT 1)), "
        "coalesce(i.snapshot, (SELECT p.id FROM pulse.snapshot AS p WHERE p.segment_id = s.id "
        "AND p.status <> 'incomplete' AND p.taken_at >= i.since ORDER BY p.status = 'ok' DESC, p.taken_at DESC LIMIT 1)), s.search_path, "
        "(extract(epoch FROM s.cadence) * 1000000)::int8 "
        "FROM pulse.incident_record AS i JOIN pulse.segment AS s ON s.id = i.segment_id WHERE i.id = $1",
        {Value::Int8(incident)});
    if (rows.empty()) drift::ThrowUnknownIncident(incident);
    const pg::Row row = rows[0];
    LoadedInput loaded;
    DiagnosisInput& input = loaded.input;
    input.incident = incident;
    input.detector = row.Text(0);
    input.attribute = row.Text(1);
    input.severity = row.Text(2);
    input.status = row.Text(3);
    input.direction = row.Text(4);
    input.baseline_kind = row.Text(5);
    input.baseline = row.Float8OrNull(6);
    input.observed = row.Float8OrNull(7);
    input.change = row.Float8OrNull(8);
    input.threshold = row.Float8OrNull(9);
    input.since = row.Time(10);
    loaded.segment_id = row.Int8(11);
    input.segment = row.Text(12);
    input.segment_status = row.Text(13);
    input.version = row.Int4(14);
    input.definition = row.Jsonb(15);
    input.expectations = row.Jsonb(16);
    loaded.before = row.Int8OrNull(17);
    loaded.after = row.Int8OrNull(18);
    input.tables = SourceTableIncidents(input.definition, row.Text(19), input.since);
    input.cadence = row.Int8(20);
    input.words = segment::WordsOf(input.definition);
    input.relation = input.definition.value("from", "");
    input.server = segment::SourceText(segment::SourcesOf(input.definition));
    const std::string query = input.definition.value("query", "");
    if (!input.relation.empty())
        input.source = input.relation + " AS s";
    else if (!query.empty())
        input.source = "(" + query + "\n) AS s";  // the line break ends a comment that the query may end with
    else
        input.source = PeopleWithAttributes(input.definition);
    return loaded;
}

std::map<std::string, std::string> ReadColumns(const pg::Row& row, int column) {
    std::map<std::string, std::string> columns;
    if (row.IsNull(column)) return columns;
    const nlohmann::json json = row.Jsonb(column);
    for (const auto& [name, type] : json.items())
        if (type.is_string()) columns[name] = type.get<std::string>();
    return columns;
}

std::vector<ClauseCount> ReadClauses(const pg::Row& row, int texts, int passed, int missed) {
    std::vector<ClauseCount> clauses;
    if (row.IsNull(texts)) return clauses;
    const auto counts = [&](int column) {
        return row.IsNull(column) ? std::vector<int64_t>{} : row.Int8s(column);
    };
    const std::vector<int64_t> pass = counts(passed), miss = counts(missed);
    for (const std::string& text : row.Texts(texts)) {
        const size_t i = clauses.size();
        clauses.push_back({text, i < pass.size() ? std::optional(pass[i]) : std::nullopt,
                           i < miss.size() ? std::optional(miss[i]) : std::nullopt});
    }
    return clauses;
}

SegmentSnapshot ReadSnapshot(const pg::Row& row) {
    SegmentSnapshot snapshot;
    snapshot.id = row.Int8(0);
    snapshot.taken_at = row.Time(1);
    snapshot.version = row.Int4(2);
    snapshot.failed = row.Text(3) == "failed";
    snapshot.size = row.Int8OrNull(4).value_or(0);
    snapshot.converted = row.Int8OrNull(5);
    snapshot.inactive = row.Int8OrNull(6);
    snapshot.entered = row.Int8OrNull(7);
    snapshot.exited = row.Int8OrNull(8);
    snapshot.clauses = ReadClauses(row, 9, 10, 11);
    snapshot.clause_rows = row.Int8OrNull(12);
    snapshot.columns = ReadColumns(row, 13);
    snapshot.error_state = row.TextOrNull(14).value_or("");
    snapshot.error = row.TextOrNull(15).value_or("");
    if (!row.IsNull(16)) snapshot.missing = row.Texts(16);
    return snapshot;
}

// Loads snapshots with their distributions in two queries.
std::map<int64_t, SegmentSnapshot> LoadSnapshots(const std::vector<int64_t>& ids) {
    std::map<int64_t, SegmentSnapshot> snapshots;
    if (ids.empty()) return snapshots;
    const pg::Result rows = pg::Execute(
        std::string("SELECT ") + kSnapshotColumns + "FROM pulse.snapshot AS p WHERE p.id = ANY ($1)",
        {Value::Int8s(ids)});
    for (uint64_t i = 0; i < rows.size(); ++i) snapshots[rows[i].Int8(0)] = ReadSnapshot(rows[i]);
    const pg::Result details = pg::Execute(
        "SELECT d.snapshot_id, " + std::string(snapshot::kDistributionColumns) +
            " FROM pulse.distribution AS d WHERE d.snapshot_id = ANY ($1) ORDER BY d.snapshot_id, d.attribute",
        {Value::Int8s(ids)});
    for (uint64_t i = 0; i < details.size(); ++i) {
        pg::CheckInterrupts();
        snapshots[details[i].Int8(0)].attributes.push_back(snapshot::ReadDistribution(details[i], 1));
    }
    const pg::Result servers = pg::Execute(
        "SELECT x.snapshot_id, x.source, x.size FROM pulse.snapshot_source AS x WHERE x.snapshot_id = ANY ($1)"
        " AND x.size IS NOT NULL",
        {Value::Int8s(ids)});
    for (uint64_t i = 0; i < servers.size(); ++i)
        snapshots[servers[i].Int8(0)].sizes_by_server[servers[i].Text(1)] = servers[i].Int8(2);
    return snapshots;
}

void LoadFailure(LoadedInput& loaded) {
    const pg::Result rows = pg::Execute(
        std::string("SELECT ") + kSnapshotColumns +
            "FROM (SELECT * FROM pulse.snapshot WHERE segment_id = $1 ORDER BY taken_at DESC LIMIT 1) AS p "
            "WHERE p.status = 'failed' AND p.taken_at >= $2 AND p.id IS DISTINCT FROM $3",
        {Value::Int8(loaded.segment_id), Value::Time(loaded.input.since), Value::Int8(loaded.after)});
    if (!rows.empty()) loaded.input.failed = ReadSnapshot(rows[0]);
}

void LoadColumnsAtOnset(LoadedInput& loaded) {
    const pg::Result rows = pg::Execute(
        "SELECT columns FROM pulse.snapshot WHERE segment_id = $1 AND taken_at >= $2 AND columns IS NOT NULL "
        "ORDER BY taken_at LIMIT 1",
        {Value::Int8(loaded.segment_id), Value::Time(loaded.input.since)});
    if (!rows.empty()) loaded.input.columns_at_onset = ReadColumns(rows[0], 0);
    if (!loaded.input.after || (!loaded.input.after->failed && loaded.input.after->missing.empty())) return;
    const pg::Result last = pg::Execute(
        "SELECT columns FROM pulse.snapshot WHERE segment_id = $1 AND taken_at < $2 AND columns IS NOT NULL "
        "AND missing IS NULL "
        "ORDER BY taken_at DESC LIMIT 1",
        {Value::Int8(loaded.segment_id), Value::Time(loaded.input.after->taken_at)});
    if (!last.empty()) loaded.input.last_columns = ReadColumns(last[0], 0);
}

void LoadHistory(LoadedInput& loaded) {
    if (!loaded.input.after) return;
    const pg::Result rows = pg::Execute(
        "SELECT h.taken_at, h.size, h.converted, h.inactive, h.entered, h.exited FROM (SELECT * FROM "
        "pulse.snapshot "
        "WHERE segment_id = $1 AND status = 'ok' AND taken_at <= $2 ORDER BY taken_at DESC LIMIT $3) AS h "
        "ORDER BY h.taken_at",
        {Value::Int8(loaded.segment_id), Value::Time(loaded.input.after->taken_at),
         Value::Int8(kMaxHistory)});
    for (uint64_t i = 0; i < rows.size(); ++i)
        loaded.input.history.push_back({rows[i].Time(0), rows[i].Int8OrNull(1).value_or(0),
                                        rows[i].Int8OrNull(2), rows[i].Int8OrNull(3), rows[i].Int8OrNull(4),
                                        rows[i].Int8OrNull(5)});
}

void LoadVersions(LoadedInput& loaded) {
    const int from = loaded.input.before ? loaded.input.before->version : loaded.input.version;
    const pg::Result rows = pg::Execute(
        "SELECT version, change, changed_by, changed_at, definition FROM pulse.segment_version "
        "WHERE segment_id = $1 AND version >= $2 ORDER BY version",
        {Value::Int8(loaded.segment_id), Value::Int4(from)});
    for (uint64_t i = 0; i < rows.size(); ++i) {
        RuleVersion version{rows[i].Int4(0), rows[i].Text(1),  rows[i].Text(2),
                            rows[i].Time(3), rows[i].Jsonb(4), {}};
        version.clauses = ClausesOf(version.definition);
        loaded.input.versions.push_back(std::move(version));
    }
}

// From the "source" of a definition.
std::string ServerOf(const pg::Row& row, int column) {
    if (row.IsNull(column)) return "";
    return segment::SourceText(segment::SourcesOf(pg::Json{{"source", row.Jsonb(column)}}));
}

// One incident of each other segment that began within half a cadence, segments over the same table first.
void LoadCorrelatedIncidents(LoadedInput& loaded) {
    const pg::Result rows = pg::Execute(
        "WITH me AS (SELECT i.since, i.detector, s.id, s.cadence, s.definition->>'from' AS relation, "
        "coalesce(s.definition->>'source', '') AS server FROM pulse.incident_record AS i "
        "JOIN pulse.segment AS s ON s.id = i.segment_id WHERE i.id = $1), other AS ("
        "SELECT DISTINCT ON (s.id) i.id, s.name, coalesce(s.definition->>'from', '') AS relation, "
        "i.detector, i.attribute, "
        "i.direction, coalesce(i.baseline_snapshot, i.snapshot) AS baseline_snapshot, i.snapshot, "
        "s.definition->'source' AS server, coalesce(s.definition->>'from' = me.relation "
        "AND coalesce(s.definition->>'source', '') = me.server, false) AS same "
        "FROM me JOIN pulse.incident_record AS i ON i.segment_id <> me.id "
        "AND i.since BETWEEN me.since - me.cadence / 2 AND me.since + me.cadence / 2 "
        "JOIN pulse.segment AS s ON s.id = i.segment_id "
        "WHERE i.status <> 'ignored' AND i.snapshot IS NOT NULL "
        "ORDER BY s.id, (i.detector = 'schema_change') = (me.detector = 'schema_change') DESC, i.detector = "
        "'size_change' DESC, i.id) "
        "SELECT id, name, relation, detector, attribute, direction, baseline_snapshot, snapshot, count(*) "
        "OVER (), server "
        "FROM other ORDER BY same DESC, id LIMIT $2",
        {Value::Int8(loaded.input.incident), Value::Int8(kMaxCorrelated)});
    if (rows.empty()) return;
    std::vector<int64_t> wanted;
    for (uint64_t i = 0; i < rows.size(); ++i)
        for (const int column : {6, 7}) wanted.push_back(rows[i].Int8(column));
    const std::map<int64_t, SegmentSnapshot> snapshots = LoadSnapshots(wanted);
    for (uint64_t i = 0; i < rows.size(); ++i) {
        const auto before = snapshots.find(rows[i].Int8(6)), after = snapshots.find(rows[i].Int8(7));
        if (before == snapshots.end() || after == snapshots.end()) continue;
        loaded.input.correlated.push_back({rows[i].Int8(0), rows[i].Text(1), rows[i].Text(2), rows[i].Text(3),
                                           rows[i].Text(4), rows[i].Text(5), before->second, after->second,
                                           ServerOf(rows[i], 9)});
    }
    loaded.input.more_correlated = rows[0].Int8(8) - static_cast<int64_t>(rows.size());
}

// Which segments fell or failed within half a cadence, on the segment's server and elsewhere.
void LoadServerIncidents(LoadedInput& loaded) {
    if (segment::SourcesOf(loaded.input.definition).size() != 1) return;
    const pg::Result rows = pg::Execute(
        "WITH me AS (SELECT i.since, s.id, s.cadence FROM pulse.incident_record AS i "
        "JOIN pulse.segment AS s ON s.id = i.segment_id WHERE i.id = $1) "
        "SELECT coalesce(s.definition->'source' ? $2, $2 = ''), h.id, s.name, coalesce(s.definition->>'from', "
        "s.definition->>'query', ''), s.id = me.id "
        "FROM me JOIN pulse.segment AS s ON s.status = 'active' LEFT JOIN LATERAL ("
        "SELECT min(i.id) AS id FROM pulse.incident_record AS i LEFT JOIN pulse.snapshot AS p ON p.id = i.snapshot "
        "WHERE i.segment_id = s.id AND i.status <> 'ignored' "
        "AND i.since BETWEEN me.since - me.cadence / 2 AND me.since + me.cadence / 2 "
        "AND (i.detector = 'size_change' AND i.direction = 'down' OR p.status = 'failed')) AS h ON true "
        "WHERE h.id IS NOT NULL OR EXISTS (SELECT FROM pulse.snapshot AS p WHERE p.segment_id = s.id "
        "AND p.taken_at BETWEEN me.since - me.cadence / 2 AND me.since + me.cadence / 2) ORDER BY h.id",
        {Value::Int8(loaded.input.incident), Value::Text(loaded.input.server)});
    ServerIncidents& on_server = loaded.input.on_server.emplace();
    std::set<std::string> relations;
    for (uint64_t i = 0; i < rows.size(); ++i) {
        pg::CheckInterrupts();
        const pg::Row row = rows[i];
        ServerCounts& counts = row.Bool(0) ? on_server.here : on_server.elsewhere;
        ++counts.measured;
        if (row.IsNull(1)) continue;
        ++counts.hit;
        if (!row.Bool(0)) continue;
        relations.insert(row.Text(3));
        if (!row.Bool(4)) on_server.others.emplace_back(row.Int8(1), row.Text(2));
    }
    on_server.relations = static_cast<int64_t>(relations.size());
}

DiagnosisInput LoadInput(int64_t incident) {
    LoadedInput loaded = LoadIncident(incident);
    const std::string verbs = pg::VerbSchema();
    loaded.input.verbs = verbs == "public" ? "" : verbs + ".";
    std::vector<int64_t> wanted;
    for (const auto& snapshot : {loaded.before, loaded.after})
        if (snapshot) wanted.push_back(*snapshot);
    std::map<int64_t, SegmentSnapshot> snapshots = LoadSnapshots(wanted);
    const auto pick = [&](const std::optional<int64_t>& id) {
        const auto found = id ? snapshots.find(*id) : snapshots.end();
        return found == snapshots.end() ? std::optional<SegmentSnapshot>() : std::optional(found->second);
    };
    loaded.input.before = pick(loaded.before);
    loaded.input.after = pick(loaded.after);
    LoadFailure(loaded);
    LoadColumnsAtOnset(loaded);
    LoadHistory(loaded);
    LoadVersions(loaded);
    LoadCorrelatedIncidents(loaded);
    for (const UnusedSegment& unused : FindUnusedSegments(loaded.input.segment))
        loaded.input.unused_since = unused.since;
    LoadServerIncidents(loaded);
    return std::move(loaded.input);
}

void Keep(const Diagnosis& diagnosis) {
    pg::Execute(
        "UPDATE pulse.incident_record SET diagnosis = $2 WHERE id = $1 AND diagnosis IS DISTINCT FROM $2",
        {Value::Int8(diagnosis.incident), Value::Jsonb(ToJson(diagnosis))});
    if (diagnosis.related.empty()) return;
    // Groups that share an incident become one, named after its first incident.
    std::vector<int64_t> members = diagnosis.related;
    members.push_back(diagnosis.incident);
    pg::Execute(
        "WITH mine AS (SELECT id, coalesce(group_id, id) AS team FROM pulse.incident_record WHERE id = ANY "
        "($1)), "
        "first AS (SELECT min(team) AS id FROM mine) "
        "UPDATE pulse.incident_record AS i SET group_id = first.id FROM first "
        "WHERE (i.id IN (SELECT id FROM mine) OR i.group_id IN (SELECT team FROM mine)) AND i.group_id IS "
        "DISTINCT FROM first.id",
        {Value::Int8s(members)});
}

}  // namespace

Diagnosis DiagnoseIncident(int64_t incident, bool keep, QuestionTime* time) {
    std::optional<TableDiagnosisInput> table;
    std::optional<EventDiagnosisInput> event;
    DiagnosisInput input;
    {
        const pg::OwnerSession session;
        table = LoadTableDiagnosisInput(incident);
        if (!table) event = LoadEventDiagnosisInput(incident);
        if (!table && !event) input = LoadInput(incident);
    }
    const bool segment = !table && !event;
    if (segment && time) AskSource(input, *time);
    const Diagnosis diagnosis = table   ? DiagnoseTable(*table)
                                : event ? DiagnoseEvent(*event)
                                        : Diagnose(input);
    if (keep) {
        const pg::OwnerSession session;
        Keep(diagnosis);
    }
    return diagnosis;
}

DiagnosisInput LoadDiagnosisInput(int64_t incident) {
    return LoadInput(incident);
}

std::vector<int64_t> LiveIncidents() {
    const pg::OwnerSession session;
    const pg::Result rows = pg::Execute(
        "SELECT id FROM pulse.incident_record WHERE status IN ('open', 'acknowledged') ORDER BY id");
    std::vector<int64_t> ids;
    for (uint64_t i = 0; i < rows.size(); ++i) ids.push_back(rows[i].Int8(0));
    return ids;
}

std::optional<int64_t> GroupOf(int64_t incident) {
    const pg::OwnerSession session;
    const pg::Result rows =
        pg::Execute("SELECT group_id FROM pulse.incident_record WHERE id = $1", {Value::Int8(incident)});
    return rows.empty() ? std::nullopt : rows[0].Int8OrNull(0);
}

}  // namespace pulse::diagnosis
