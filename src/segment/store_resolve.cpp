#include "pulse/base/error.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/rule/compile.hpp"
#include "pulse/segment/member_query.hpp"
#include "pulse/segment/attribute.hpp"
#include "pulse/segment/store.hpp"
#include "pulse/segment/store_profile.hpp"
#include "pulse/source/cell.hpp"
#include "pulse/source/relation.hpp"
#include "pulse/source/server.hpp"

namespace pulse::segment {

namespace {

// Number of rows sampled to count the distinct values of a column.
constexpr int kSampleRows = 1000;
constexpr size_t kSampleColumns = 500;

// The quoted, schema-qualified name of a relation, resolved under the search_path of the source.
std::string QualifyRelation(source::Reader& reader, const std::string& name) {
    const source::NamedRelation relation = source::FindRelation(reader, name);
    constexpr const char* kHint =
        "\"from\" names a table, view, materialized view, partitioned or foreign table.";
    if (!relation.readable)
        throw UserError(sqlstate::kInvalidParameter, "\"" + name + "\" is not a table or view", "", kHint);
    if (relation.temporary)
        throw UserError(sqlstate::kInvalidParameter, "\"" + name + "\" is temporary",
                        "No other session can read it.", kHint);
    return relation.name;
}

std::string ListColumns(const std::vector<source::Column>& columns) {
    std::string list;
    for (const source::Column& column : columns) list += (list.empty() ? "" : ", ") + column.name;
    return list;
}

std::string DefaultKey(source::Reader& reader, const Request& request,
                       const std::vector<source::Column>& columns) {
    if (request.kind == SegmentKind::kQuery) return columns.front().name;
    const source::Rows rows = reader.Query(
        "SELECT a.attname FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_attribute AS a "
        "ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] "
        "WHERE i.indrelid = pg_catalog.to_regclass(" +
        source::Literal(request.from) + ")::pg_catalog.oid AND i.indisprimary AND i.indnkeyatts = 1");
    if (!rows.empty()) return rows.values[0][0].value_or("");
    throw UserError(sqlstate::kInvalidParameter, "the definition needs a \"key\"",
                    request.from + " has no primary key of one column.",
                    "Name the column that identifies a member. Columns are " + ListColumns(columns) + ".");
}

void RequireColumns(const std::vector<source::Column>& columns) {
    if (columns.empty())
        throw UserError(sqlstate::kInvalidParameter, "\"query\" returns no columns", "",
                        "Its first column, or the one named in \"key\", identifies a member.");
    for (size_t i = 0; i < columns.size(); ++i)
        for (size_t j = 0; j < i; ++j)
            if (columns[i].name == columns[j].name)
                throw UserError(sqlstate::kDuplicateColumn,
                                "\"query\" returns two columns named \"" + columns[i].name + "\"", "",
                                "Give each column a different name with AS.");
}

// Fill in facts from the planner's statistics. Returns the columns without statistics.
std::vector<ColumnFacts*> ReadStatistics(source::Reader& reader, const std::string& relation,
                                         std::vector<ColumnFacts>& facts) {
    const source::Rows rows = reader.Query(
        "SELECT DISTINCT ON (a.attname) a.attname, (c.reltuples * (1 - p.null_frac))::pg_catalog.float8, "
        "(CASE WHEN p.n_distinct < 0 THEN -p.n_distinct * c.reltuples "
        "ELSE p.n_distinct END)::pg_catalog.float8, "
        "EXISTS (SELECT FROM pg_catalog.pg_index AS i WHERE i.indrelid = c.oid AND i.indisunique "
        "AND i.indnkeyatts = 1 AND i.indpred IS NULL AND i.indkey[0] = a.attnum) "
        "FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace "
        "JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
        "LEFT JOIN pg_catalog.pg_stats AS p ON p.schemaname = n.nspname AND p.tablename = c.relname "
        "AND p.attname = a.attname AND c.reltuples > 0 "
        "WHERE c.oid = pg_catalog.to_regclass(" +
        source::Literal(relation) + ")::pg_catalog.oid ORDER BY a.attname, p.inherited DESC");
    std::vector<ColumnFacts*> unknown;
    for (ColumnFacts& fact : facts) {
        for (const auto& row : rows.values) {
            if (row[0] != fact.column.name) continue;
            fact.unique = source::ToBoolean(row[3]);
            if (!row[1]) {
                unknown.push_back(&fact);
            } else {
                fact.values = source::ToNumber(row[1]);
                fact.distinct = source::ToNumber(row[2]);
            }
        }
    }
    return unknown;
}

// Sample rows for columns without statistics.
void ReadSample(source::Reader& reader, const std::string& from, std::vector<ColumnFacts*> columns) {
    if (columns.size() > kSampleColumns) columns.resize(kSampleColumns);
    std::string counts, values;
    for (size_t i = 0; i < columns.size(); ++i) {
        const std::string alias = "a" + std::to_string(i);
        counts += (i ? ", pg_catalog.count(" : "pg_catalog.count(") + alias +
                  "), pg_catalog.count(DISTINCT " + alias + ")";
        values += (i ? ", s." : "s.") + rule::QuoteName(columns[i]->column.name) + "::text AS " + alias;
    }
    if (columns.empty()) return;
    const source::Rows rows = reader.Query("SELECT " + counts + " FROM (SELECT " + values + " FROM " + from +
                                           " AS s LIMIT " + std::to_string(kSampleRows) + ") AS sample");
    for (size_t i = 0; i < columns.size(); ++i) {
        columns[i]->values = source::ToNumber(rows.values[0][2 * i]);
        columns[i]->distinct = source::ToNumber(rows.values[0][2 * i + 1]);
    }
}

std::vector<AttributeRequest> Choose(source::Reader& reader, const Request& request,
                                     const std::vector<source::Column>& columns) {
    std::vector<ColumnFacts> facts;
    for (const source::Column& column : columns)
        if (DefaultAttributeKind(column)) facts.push_back({column});
    std::vector<ColumnFacts*> unknown;
    if (request.kind == SegmentKind::kRelation)
        unknown = ReadStatistics(reader, request.from, facts);
    else
        for (ColumnFacts& fact : facts) unknown.push_back(&fact);
    ReadSample(reader, request.kind == SegmentKind::kRelation ? request.from : "(" + request.query + "\n)",
               unknown);
    return ChooseAttributes(facts, *request.key);
}

bool HasColumn(const std::vector<source::Column>& columns, const std::string& name) {
    for (const source::Column& column : columns)
        if (column.name == name) return true;
    return false;
}

// Keep the attributes that were measured before, so that snapshots stay comparable.
std::vector<AttributeRequest> KeepOrChoose(source::Reader& reader, const Request& request,
                                           const std::vector<source::Column>& columns,
                                           const Request* before) {
    if (!before || !before->attributes || before->kind != request.kind || before->from != request.from)
        return Choose(reader, request, columns);
    std::vector<AttributeRequest> kept;
    for (const AttributeRequest& attribute : *before->attributes)
        if (HasColumn(columns, attribute.name)) kept.push_back(attribute);
    return kept;
}

// The checks that need the source. The query of `request` is prepared for it.
ResolvedDefinition ResolveOnSource(source::Reader& reader, Request request, const Request* before,
                                   const std::string& now_sql) {
    if (request.kind == SegmentKind::kRelation) request.from = QualifyRelation(reader, request.from);
    const std::vector<source::Column> columns = DescribeColumns(reader, request);
    if (request.kind == SegmentKind::kQuery) RequireColumns(columns);
    if (!request.key) request.key = DefaultKey(reader, request, columns);
    FindColumn(columns, *request.key, "key");
    if (!request.attributes) request.attributes = KeepOrChoose(reader, request, columns, before);
    for (AttributeRequest& attribute : *request.attributes)
        attribute.kind = MakeAttribute(FindColumn(columns, attribute.name, "attribute"), attribute.kind).kind;
    MemberQuery query = CompileMembers(request, columns, now_sql);
    const source::PlanEstimate plan = reader.Estimate(query.Sql());
    return {std::move(request), std::move(query), plan};
}

// Every server must fit the definition as the first one has resolved it.
void CheckOtherServers(const Request& resolved, source::Access access, const std::string& name) {
    for (const std::string& server : resolved.sources) {
        if (server == resolved.source) continue;
        access.source = server;
        try {
            ReadAndRecord(access, name.empty() ? "preview" : "define", name, [&](source::Reader& reader) {
                const ResolvedDefinition there = ResolveOnSource(reader, resolved, nullptr, NowLiteral());
                if (there.request.from != resolved.from)
                    throw UserError(sqlstate::kInvalidParameter, "\"from\" is another relation there",
                                    "It is " + there.request.from + " instead of " + resolved.from + ".");
            });
        } catch (const source::Unavailable&) {
            throw;
        } catch (const UserError& error) {
            throw source::OnSource(server, error);
        }
    }
}

}  // namespace

ResolvedDefinition ResolveDefinition(const Request& asked, const source::Access& access,
                                     const std::string& name, const Request* before) {
    if (asked.kind == SegmentKind::kProfile) return ResolveProfile(asked, access, name, before);
    Request request = asked;
    if (request.kind == SegmentKind::kQuery) request.query = source::RequireSelect(request.query);
    const Request ready = PrepareRequest(request, pg::Now());
    ResolvedDefinition resolved;
    const pg::UserText text(ready.query);
    ReadAndRecord(access, name.empty() ? "preview" : "define", name, [&](source::Reader& reader) {
        resolved = ResolveOnSource(reader, ready, before, NowLiteral());
    });
    CheckOtherServers(resolved.request, access, name);
    // The stored query keeps calling pulse_now().
    resolved.request.query = request.query;
    return resolved;
}

}  // namespace pulse::segment
