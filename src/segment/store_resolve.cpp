#include "pulse/base/error.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/rule/compile.hpp"
#include "pulse/segment/assemble.hpp"
#include "pulse/segment/attribute.hpp"
#include "pulse/segment/store.hpp"

namespace pulse::segment {

namespace {

// Rows of a relation or query looked at to learn how many different values a column has.
constexpr int kSampleRows = 1000;
constexpr size_t kSampleColumns = 500;
constexpr const char* kInvalidName = "42602";

[[noreturn]] void ThrowUnknownRelation(const std::string& name) {
    const pg::Result rows = pg::Execute(
        "SELECT CASE WHEN pg_catalog.pg_table_is_visible(c.oid) THEN pg_catalog.quote_ident(c.relname) "
        "ELSE pg_catalog.format('%I.%I', n.nspname, c.relname) END AS name "
        "FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace "
        "WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT LIKE 'pg\\_%' "
        "AND n.nspname NOT IN ('information_schema', 'pulse') "
        "AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') "
        "AND pg_catalog.has_table_privilege(c.oid, 'SELECT') ORDER BY name LIMIT 1000");
    std::vector<std::string> names;
    for (uint64_t i = 0; i < rows.size(); ++i) names.push_back(rows[i].Text(0));
    throw UserError(sqlstate::kUndefinedTable, "relation \"" + name + "\" does not exist", "",
                    names.empty() ? "No table or view can be read by role " + pg::CallerName() + "."
                                  : rule::SuggestName(name, names, "Relations", [](std::string_view text) {
                                        return std::string(text);
                                    }));
}

pg::Result FindRelation(const std::string& name) {
    try {
        return pg::Execute(
            "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), "
            "c.relkind IN ('r', 'p', 'v', 'm', 'f'), c.relpersistence = 't' FROM pg_catalog.pg_class AS c "
            "JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace "
            "WHERE c.oid = pg_catalog.to_regclass($1)::pg_catalog.oid",
            {pg::Value::Text(name)});
    } catch (const pg::Error& error) {
        if (error.State() != kInvalidName) throw;
        throw UserError(kInvalidName, "\"from\" is not the name of a relation", "It is \"" + name + "\".",
                        "Give for example users or app.users, with double quotes where SQL would need them.");
    }
}

// The quoted, schema-qualified name of what `name` means under the search_path.
std::string QualifyRelation(const std::string& name) {
    const pg::Result rows = FindRelation(name);
    if (rows.empty()) ThrowUnknownRelation(name);
    constexpr const char* kHint =
        "\"from\" names a table, view, materialized view, partitioned or foreign table.";
    if (!rows[0].Bool(1))
        throw UserError(sqlstate::kInvalidParameter, "\"" + name + "\" is not a table or view", "", kHint);
    if (rows[0].Bool(2))
        throw UserError(sqlstate::kInvalidParameter, "\"" + name + "\" is temporary",
                        "No other session can read it.", kHint);
    return rows[0].Text(0);
}

std::string ListColumns(const std::vector<source::Column>& columns) {
    std::string list;
    for (const source::Column& column : columns) list += (list.empty() ? "" : ", ") + column.name;
    return list;
}

std::string DefaultKey(const Request& request, const std::vector<source::Column>& columns) {
    if (request.kind == Kind::kQuery) return columns.front().name;
    const pg::Result rows = pg::Execute(
        "SELECT a.attname FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_attribute AS a "
        "ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] "
        "WHERE i.indrelid = pg_catalog.to_regclass($1)::pg_catalog.oid AND i.indisprimary AND i.indnkeyatts = 1",
        {pg::Value::Text(request.from)});
    if (!rows.empty()) return rows[0].Text(0);
    throw UserError(sqlstate::kInvalidParameter, "the definition needs a \"key\"",
                    request.from + " has no primary key of one column.",
                    "Name the column that identifies a member. Columns are " + ListColumns(columns) + ".");
}

void RequireColumns(const std::vector<source::Column>& columns) {
    if (columns.empty())
        throw UserError(sqlstate::kInvalidParameter, "\"query\" returns no column", "",
                        "Its first column, or the one named in \"key\", identifies a member.");
    for (size_t i = 0; i < columns.size(); ++i)
        for (size_t j = 0; j < i; ++j)
            if (columns[i].name == columns[j].name)
                throw UserError("42701", "\"query\" returns two columns named \"" + columns[i].name + "\"",
                                "", "Give each column a name of its own with AS.");
}

// Fill in what the planner's statistics know. Returns the columns they say nothing about.
std::vector<ColumnFacts*> ReadStatistics(const std::string& relation, std::vector<ColumnFacts>& facts) {
    const pg::Result rows = pg::Execute(
        "SELECT DISTINCT ON (a.attname) a.attname, (c.reltuples * (1 - p.null_frac))::pg_catalog.float8, "
        "(CASE WHEN p.n_distinct < 0 THEN -p.n_distinct * c.reltuples "
        "ELSE p.n_distinct END)::pg_catalog.float8, "
        "EXISTS (SELECT FROM pg_catalog.pg_index AS i WHERE i.indrelid = c.oid AND i.indisunique "
        "AND i.indnkeyatts = 1 AND i.indpred IS NULL AND i.indkey[0] = a.attnum) "
        "FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace "
        "JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
        "LEFT JOIN pg_catalog.pg_stats AS p ON p.schemaname = n.nspname AND p.tablename = c.relname "
        "AND p.attname = a.attname AND c.reltuples > 0 "
        "WHERE c.oid = pg_catalog.to_regclass($1)::pg_catalog.oid ORDER BY a.attname, p.inherited DESC",
        {pg::Value::Text(relation)});
    std::vector<ColumnFacts*> unknown;
    for (ColumnFacts& fact : facts) {
        for (uint64_t i = 0; i < rows.size(); ++i) {
            if (rows[i].Text(0) != fact.column.name) continue;
            fact.unique = rows[i].Bool(3);
            if (rows[i].IsNull(1)) {
                unknown.push_back(&fact);
            } else {
                fact.values = rows[i].Float8(1);
                fact.distinct = rows[i].Float8(2);
            }
        }
    }
    return unknown;
}

// Look at some rows for columns without statistics.
void ReadSample(const std::string& from, std::vector<ColumnFacts*> columns) {
    if (columns.size() > kSampleColumns) columns.resize(kSampleColumns);
    std::string counts, values;
    for (size_t i = 0; i < columns.size(); ++i) {
        const std::string alias = "a" + std::to_string(i);
        counts += (i ? ", pg_catalog.count(" : "pg_catalog.count(") + alias +
                  "), pg_catalog.count(DISTINCT " + alias + ")";
        values +=
            (i ? ", s." : "s.") + rule::QuoteName(columns[i]->column.name) + "::text AS " + alias;
    }
    if (columns.empty()) return;
    const pg::Result rows = pg::Execute("SELECT " + counts + " FROM (SELECT " + values + " FROM " + from +
                                        " AS s LIMIT " + std::to_string(kSampleRows) + ") AS sample");
    for (size_t i = 0; i < columns.size(); ++i) {
        columns[i]->values = static_cast<double>(rows[0].Int8(static_cast<int>(2 * i)));
        columns[i]->distinct = static_cast<double>(rows[0].Int8(static_cast<int>(2 * i + 1)));
    }
}

std::vector<AttributeRequest> Choose(const Request& request, const std::vector<source::Column>& columns) {
    std::vector<ColumnFacts> facts;
    for (const source::Column& column : columns)
        if (NaturalKind(column)) facts.push_back({column});
    std::vector<ColumnFacts*> unknown;
    if (request.kind == Kind::kRelation)
        unknown = ReadStatistics(request.from, facts);
    else
        for (ColumnFacts& fact : facts) unknown.push_back(&fact);
    ReadSample(request.kind == Kind::kRelation ? request.from : "(" + request.query + "\n)", unknown);
    return ChooseAttributes(facts, *request.key);
}

bool HasColumn(const std::vector<source::Column>& columns, const std::string& name) {
    for (const source::Column& column : columns)
        if (column.name == name) return true;
    return false;
}

// Keep measuring what was measured: a history compares only with itself.
std::vector<AttributeRequest> KeepOrChoose(const Request& request, const std::vector<source::Column>& columns,
                                           const Request* before) {
    if (!before || !before->attributes || before->kind != request.kind || before->from != request.from)
        return Choose(request, columns);
    std::vector<AttributeRequest> kept;
    for (const AttributeRequest& attribute : *before->attributes)
        if (HasColumn(columns, attribute.name)) kept.push_back(attribute);
    return kept;
}

}  // namespace

Rights Rights::OfCaller() {
    return {pg::CallerName(), pg::CallerSearchPath()};
}

std::string NowLiteral() {
    return "'" + FormatMoment(pg::Now()) + "'::timestamptz";
}

void RunChecked(const Rights& rights, const std::function<void()>& body) {
    try {
        source::RunAs(rights.role, rights.search_path, pg::settings::statement_timeout, body);
    } catch (const pg::Error& error) {
        const std::string state = error.State();
        // Interventions, lack of resources and defects are not about the definition.
        if (state.starts_with("57") || state.starts_with("53") || state.starts_with("XX")) throw;
        if (state == sqlstate::kInsufficientPrivilege && error.message.starts_with("permission denied"))
            throw UserError(sqlstate::kInsufficientPrivilege, error.message,
                            "The definition runs with the rights of role " + rights.role + ".",
                            "Grant that role SELECT on what the definition reads, and EXECUTE on the "
                            "functions it calls.");
        throw UserError(state.c_str(), error.message, error.detail, error.hint);
    }
}

Resolved Resolve(const Request& asked, const Rights& rights, const Request* before) {
    Resolved resolved{asked, {}, {}};
    RunChecked(rights, [&] {
        Request& request = resolved.request;
        std::vector<source::Column> columns;
        if (request.kind == Kind::kRelation) {
            request.from = QualifyRelation(request.from);
            columns = source::Describe(request.from);
        } else {
            request.query = source::RequireSelect(request.query);
            columns = source::DescribeQuery(request.query);
            RequireColumns(columns);
        }
        if (!request.key) request.key = DefaultKey(request, columns);
        FindColumn(columns, *request.key, "key");
        if (!request.attributes) request.attributes = KeepOrChoose(request, columns, before);
        for (AttributeRequest& attribute : *request.attributes)
            attribute.kind =
                MakeAttribute(FindColumn(columns, attribute.name, "attribute"), attribute.kind).kind;
        resolved.query = Assemble(request, columns, NowLiteral());
        resolved.plan = source::Estimate(resolved.query.Sql());
    });
    return resolved;
}

MemberQuery Compile(const Segment& segment, const std::string& now_sql) {
    const Request request = ParseRequest(segment.definition);
    std::vector<source::Column> columns;
    RunChecked({segment.runs_as, segment.search_path}, [&] {
        columns = request.kind == Kind::kRelation ? source::Describe(request.from)
                                                  : source::DescribeQuery(request.query);
    });
    return Assemble(request, columns, now_sql);
}

}  // namespace pulse::segment
