#include "pulse/health/facts.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "pulse/base/json.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/source/cell.hpp"
#include "pulse/source/relation.hpp"

namespace pulse::health {

namespace {

using Json = nlohmann::json;
using source::Literal;

bool IsTrue(const std::optional<std::string>& text) {
    return text && *text == "t";
}

std::vector<std::string> Texts(const std::optional<std::string>& json) {
    std::vector<std::string> list;
    const Json parsed = ParseJsonOrDiscard(json.value_or("[]"));
    if (parsed.is_array())
        for (const Json& item : parsed) list.push_back(item.is_string() ? item.get<std::string>() : "");
    return list;
}

std::string Oid(const std::string& relation) {
    return "pg_catalog.to_regclass(" + Literal(relation) + ")::pg_catalog.oid";
}

// The standby has everything that was sent when its receiver runs and nothing waits; the age of the last
// transaction alone would grow while the primary has nothing to do.
constexpr const char* kReplicaLate =
    "CASE WHEN NOT pg_catalog.pg_is_in_recovery() THEN 0 "
    "WHEN pg_catalog.pg_last_wal_receive_lsn() = pg_catalog.pg_last_wal_replay_lsn() "
    "AND EXISTS (SELECT FROM pg_catalog.pg_stat_wal_receiver) THEN 0 "
    "ELSE coalesce(extract(epoch FROM pg_catalog.clock_timestamp() - "
    "pg_catalog.pg_last_xact_replay_timestamp()), 0) END";

void ReadRelation(source::Reader& reader, TableFacts& facts) {
    const source::Rows rows = reader.Query(
        "SELECT c.relkind, c.relhassubclass, (WITH RECURSIVE part(oid) AS (SELECT c.oid UNION ALL SELECT "
        "i.inhrelid "
        "FROM part AS p JOIN pg_catalog.pg_inherits AS i ON i.inhparent = p.oid) SELECT pg_catalog.sum("
        "CASE WHEN k.relkind IN ('r', 'm') THEN pg_catalog.pg_relation_size(k.oid) END "
        "/ pg_catalog.current_setting('block_size')::pg_catalog.int8)::pg_catalog.int8 FROM part "
        "JOIN pg_catalog.pg_class AS k ON k.oid = part.oid), c.reltuples >= 0, "
        "pg_catalog.pg_is_in_recovery(), " +
        std::string(kReplicaLate) + " FROM pg_catalog.pg_class AS c WHERE c.oid = " + Oid(facts.relation));
    if (rows.empty())
        throw UserError(sqlstate::kUndefinedTable, "relation " + facts.relation + " does not exist",
                        "It was there when the monitor was made.",
                        "Restore it, or end the monitor with pulse_unmonitor_table().");
    const auto& row = rows.values[0];
    facts.kind = row[0].value_or("r")[0];
    facts.has_children = IsTrue(row[1]);
    facts.pages = static_cast<int64_t>(source::ToOptionalNumber(row[2]).value_or(0));
    facts.analyzed = IsTrue(row[3]);
    facts.standby = IsTrue(row[4]);
    facts.replica_late = std::max(0.0, source::ToOptionalNumber(row[5]).value_or(0));
    // The planner scales reltuples to the current size, also for partitions and views.
    const source::PlanEstimate estimate = reader.Estimate("SELECT FROM " + facts.relation);
    facts.rows = estimate.rows;
    if (facts.sampled() && facts.pages == 0) facts.rows = 0;
}

void ReadColumns(source::Reader& reader, TableFacts& facts) {
    const source::Rows rows = reader.Query(
        "SELECT a.attnum, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull, "
        "pg_catalog.pg_get_expr(d.adbin, d.adrelid), s.null_frac, s.n_distinct, s.correlation, "
        "CASE WHEN pg_catalog.array_length(s.most_common_freqs, 1) <= 20 AND s.histogram_bounds IS NULL AND "
        "s.n_distinct > 0 "
        "AND s.n_distinct <= pg_catalog.array_length(s.most_common_freqs, 1) "
        "THEN pg_catalog.to_json(s.most_common_vals::text::text[])::text END "
        "FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid "
        "JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace "
        "LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum "
        "LEFT JOIN LATERAL (SELECT * FROM pg_catalog.pg_stats AS p WHERE p.schemaname = n.nspname "
        "AND p.tablename = c.relname AND p.attname = a.attname ORDER BY p.inherited DESC LIMIT 1) AS s ON "
        "true "
        "WHERE a.attrelid = " +
        Oid(facts.relation) + " AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum");
    const std::vector<source::Column> described =
        rows.empty() ? std::vector<source::Column>() : reader.Describe(facts.relation);
    for (const auto& row : rows.values) {
        CatalogColumn& column = facts.columns.emplace_back();
        column.number = static_cast<int>(source::ToOptionalNumber(row[0]).value_or(0));
        column.name = row[1].value_or("");
        column.type = row[2].value_or("");
        column.not_null = IsTrue(row[3]);
        column.fallback = row[4].value_or("");
        column.null_share = source::ToOptionalNumber(row[5]);
        column.distinct = source::ToOptionalNumber(row[6]);
        column.correlation = source::ToOptionalNumber(row[7]);
        column.common = Texts(row[8]);
        for (const source::Column& other : described)
            if (other.name == column.name) column.base = other.base;
    }
}

void ReadIndexes(source::Reader& reader, TableFacts& facts) {
    const source::Rows rows = reader.Query(
        "SELECT k.relname, i.indisunique AND i.indimmediate AND i.indisready AND NOT EXISTS ("
        // An index compares as its column does: the same collation, and the type's usual operators.
        "SELECT FROM pg_catalog.generate_series(0, i.indnkeyatts - 1) AS p(place) "
        "JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[p.place] "
        "JOIN pg_catalog.pg_opclass AS o ON o.oid = i.indclass[p.place] "
        "WHERE a.attcollation <> i.indcollation[p.place] OR NOT o.opcdefault), "
        "i.indisprimary, i.indpred IS NULL, m.amname = 'btree', "
        "(SELECT pg_catalog.json_agg(coalesce(a.attname, '') ORDER BY p.place)::text "
        "FROM pg_catalog.unnest(i.indkey::pg_catalog.int2[]) WITH ORDINALITY AS p(number, place) "
        "LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = p.number AND "
        "p.number > 0 "
        "WHERE p.place <= i.indnkeyatts) FROM pg_catalog.pg_index AS i "
        "JOIN pg_catalog.pg_class AS k ON k.oid = i.indexrelid JOIN pg_catalog.pg_am AS m ON m.oid = k.relam "
        "WHERE i.indisvalid AND i.indrelid = " +
        Oid(facts.relation) + " ORDER BY i.indisprimary DESC, k.relname");
    // An index of a table with inheritance children covers only the rows of the table itself.
    const bool complete = !facts.has_children || facts.kind == 'p';
    for (const auto& row : rows.values)
        facts.indexes.push_back({row[0].value_or(""), Texts(row[5]),
                                 complete && IsTrue(row[1]) && IsTrue(row[3]), IsTrue(row[2]), IsTrue(row[3]),
                                 IsTrue(row[4])});
    const source::Rows keys = reader.Query(
        "SELECT a.attname, pg_catalog.format('%I.%I', n.nspname, p.relname), b.attname, f.convalidated, "
        "NOT EXISTS (SELECT FROM pg_catalog.pg_trigger AS t WHERE t.tgconstraint = f.oid AND t.tgenabled IN "
        "('D', 'R')) "
        "FROM pg_catalog.pg_constraint AS f JOIN pg_catalog.pg_class AS p ON p.oid = f.confrelid "
        "JOIN pg_catalog.pg_namespace AS n ON n.oid = p.relnamespace "
        "JOIN pg_catalog.pg_attribute AS a ON a.attrelid = f.conrelid AND a.attnum = f.conkey[1] "
        "JOIN pg_catalog.pg_attribute AS b ON b.attrelid = f.confrelid AND b.attnum = f.confkey[1] "
        "WHERE f.contype = 'f' AND pg_catalog.array_length(f.conkey, 1) = 1 AND f.conrelid = " +
        Oid(facts.relation) + " ORDER BY f.conname");
    for (const auto& row : keys.values)
        facts.keys.push_back(
            {row[0].value_or(""), row[1].value_or(""), row[2].value_or(""), IsTrue(row[3]), IsTrue(row[4])});
}

bool NamedLikeArrival(const std::string& name) {
    for (const char* word : {"created", "inserted", "received", "ingested", "loaded", "arrived", "occurred",
                             "event_time", "logged", "recorded", "timestamp"})
        if (name.find(word) != std::string::npos) return true;
    return name == "ts" || name == "at" || name == "time";
}

double ArrivalScore(const TableFacts& facts, const CatalogColumn& column) {
    double score = 0;
    if (facts.IndexOn(column.name)) score += 2;
    if (NamedLikeArrival(column.name)) score += 2;
    if (column.fallback.find("now()") != std::string::npos ||
        column.fallback.find("CURRENT_TIMESTAMP") != std::string::npos ||
        column.fallback.find("_timestamp()") != std::string::npos)
        score += 2;
    if (column.correlation && std::abs(*column.correlation) > 0.9) score += 1.5;
    if (column.name.find("updated") != std::string::npos || column.name.find("modified") != std::string::npos)
        score += 0.5;
    if (column.null_share && *column.null_share > 0.05) score -= 2;
    if (column.base == "date") score -= 1;
    return score;
}

}  // namespace

const CatalogColumn* TableFacts::Find(const std::string& column) const {
    const auto found =
        std::find_if(columns.begin(), columns.end(), [&](const auto& c) { return c.name == column; });
    return found == columns.end() ? nullptr : &*found;
}

const IndexFacts* TableFacts::IndexOn(const std::string& column) const {
    for (const IndexFacts& index : indexes)
        if (index.ordered && index.whole && !index.columns.empty() && index.columns.front() == column)
            return &index;
    return nullptr;
}

std::string Qualify(source::Reader& reader, const std::string& name) {
    if (name.find_first_not_of(" \t\r\n") == std::string::npos)
        throw UserError(sqlstate::kInvalidParameter, "a relation's name must not be empty", "",
                        "Give for example app.orders.");
    const source::NamedRelation relation = source::FindRelation(reader, name);
    if (!relation.readable)
        throw UserError(
            sqlstate::kWrongObjectType, "\"" + name + "\" is not a table or view", "",
            "Tables, partitioned and foreign tables, views and materialized views can be monitored.");
    if (relation.temporary)
        throw UserError(sqlstate::kWrongObjectType, "\"" + name + "\" is temporary",
                        "No other session can read it.", "Monitor a permanent table.");
    return relation.name;
}

TableFacts ReadFacts(source::Reader& reader, const std::string& relation) {
    TableFacts facts;
    facts.relation = relation;
    ReadRelation(reader, facts);
    ReadColumns(reader, facts);
    ReadIndexes(reader, facts);
    return facts;
}

const CatalogColumn& RequireColumn(const TableFacts& facts, const std::string& column) {
    if (const CatalogColumn* found = facts.Find(column)) return *found;
    std::vector<std::string> names;
    for (const CatalogColumn& each : facts.columns) names.push_back(each.name);
    throw UserError(sqlstate::kUndefinedColumn,
                    "column \"" + column + "\" of " + facts.relation + " does not exist", "",
                    SuggestName(column, names, "Columns"));
}

const CatalogColumn* ArrivalColumn(const TableFacts& facts) {
    const CatalogColumn* best = nullptr;
    double score = 1;
    for (const CatalogColumn& column : facts.columns) {
        if (!column.timelike()) continue;
        if (const double own = ArrivalScore(facts, column); own > score) {
            best = &column;
            score = own;
        }
    }
    return best;
}

}  // namespace pulse::health
