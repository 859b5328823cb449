// How many rows each clause of a rule lets pass.
#include <cmath>

#include "pulse/snapshot/clause_tally.hpp"
#include "pulse/snapshot/measure_segment.hpp"
#include "pulse/source/cell.hpp"

namespace pulse::snapshot {

namespace {

using segment::MemberQuery;

// Rows sampled when finding the members does not read the whole table anyway.
constexpr double kSampleRows = 100'000;

ClauseCounts MakeCounts(const MemberQuery& query, const std::vector<double>& figures) {
    ClauseCounts counts;
    for (const segment::Clause& clause : query.clauses) counts.texts.push_back(clause.text);
    counts.rows = std::llround(figures.at(0));
    counts.error = figures.at(1);
    for (size_t i = 0; i < counts.texts.size(); ++i) {
        counts.passed.push_back(std::llround(figures.at(2 + 2 * i)));
        counts.missed_only.push_back(std::llround(figures.at(3 + 2 * i)));
    }
    return counts;
}

void Scale(ClauseCounts& counts, double factor) {
    const auto scale = [factor](int64_t& n) { n = std::llround(static_cast<double>(n) * factor); };
    scale(counts.rows);
    for (int64_t& n : counts.passed) scale(n);
    for (int64_t& n : counts.missed_only) scale(n);
}

// Whether the relation can be sampled by block.
bool CanSample(source::Reader& reader, const std::string& relation) {
    const source::Rows rows = reader.Query(
        "SELECT c.relkind IN ('r', 'm', 'p') FROM pg_catalog.pg_class AS c WHERE c.oid "
        "OPERATOR(pg_catalog.=) "
        "pg_catalog.to_regclass(" +
        source::Literal(relation) + ")");
    return !rows.empty() && source::ToBoolean(rows.values[0][0]);
}

// pulse.count_clauses() in plain SQL: the sums of a ClauseTally, first per block.
std::string PlainClauses(const MemberQuery& query, const std::string& from, bool sampled) {
    const size_t n = query.clauses.size();
    std::string truths, missing = std::to_string(n), counts, sums;
    for (size_t i = 0; i < n; ++i) {
        const std::string name = "c" + std::to_string(i);
        truths += ", CASE WHEN " + query.clauses[i].sql + " THEN 1 ELSE 0 END AS " + name;
        missing += " - t." + name;
        counts += ", pg_catalog.sum(m." + name + ") AS p" + std::to_string(i) +
                  ", pg_catalog.count(*) FILTER (WHERE m.missing = 1 AND m." + name + " = 0) AS q" +
                  std::to_string(i);
        sums +=
            ", pg_catalog.sum(b.p" + std::to_string(i) + "), pg_catalog.sum(b.q" + std::to_string(i) + ")";
    }
    const std::string block =
        sampled ? "s.tableoid::text || pg_catalog.split_part(s.ctid::text, ',', 1)" : "NULL::text";
    return "SELECT pg_catalog.count(*), pg_catalog.sum(b.rows), pg_catalog.sum(b.members), "
           "pg_catalog.sum(b.rows * b.rows), "
           "pg_catalog.sum(b.rows * b.members), pg_catalog.sum(b.members * b.members)" +
           sums +
           " FROM (SELECT pg_catalog.count(*) AS rows, pg_catalog.count(*) FILTER (WHERE m.missing = 0) AS "
           "members" +
           counts + " FROM (SELECT t.*, " + missing + " AS missing FROM (SELECT " + block + " AS block" +
           truths + " FROM " + from + ") AS t) AS m GROUP BY m.block) AS b";
}

ClauseCounts ReadPlainClauses(const MemberQuery& query, const source::Rows& rows, bool sampled) {
    const std::vector<source::Cell>& row = rows.values.at(0);
    ClauseTally tally;
    tally.clauses = static_cast<int32_t>(query.clauses.size());
    const double blocks = source::ToNumber(row.at(0));
    if (blocks > 0) {
        tally.rows = source::ToInteger(row.at(1));
        tally.members = source::ToInteger(row.at(2));
        if (sampled) {
            tally.blocks = blocks;
            tally.rows_rows = source::ToNumber(row.at(3));
            tally.rows_members = source::ToNumber(row.at(4));
            tally.members_members = source::ToNumber(row.at(5));
        }
        for (size_t i = 0; i < query.clauses.size(); ++i) {
            tally.passed[i] = source::ToInteger(row.at(6 + 2 * i));
            tally.missed_only[i] = source::ToInteger(row.at(7 + 2 * i));
        }
    }
    return CountsOf(query, tally);
}

}  // namespace

bool CountsClauses(const MemberQuery& query) {
    return query.kind != segment::SegmentKind::kQuery && !query.clauses.empty() &&
           query.clauses.size() <= static_cast<size_t>(kMaxTallyClauses);
}

ClauseCounts CountsOf(const MemberQuery& query, const ClauseTally& tally) {
    return MakeCounts(query, tally.Figures());
}

std::string ClauseCall(const MemberQuery& query, bool sampled) {
    std::string sql = std::string("pulse.count_clauses(") + (sampled ? "s.ctid" : "NULL::tid");
    for (const segment::Clause& clause : query.clauses) sql += ", (" + clause.sql + ")";
    return sql + ")";
}

ClauseCounts ReadClauses(const MemberQuery& query, const source::Rows& rows, size_t column) {
    const source::Cell& cell = rows.values.at(0).at(column);
    // Null: there was no row.
    return MakeCounts(query,
                      cell ? source::ToNumbers(cell) : std::vector<double>(2 + 2 * query.clauses.size()));
}

std::optional<ClauseCounts> CountClauses(source::Reader& reader, const MemberQuery& query) {
    const source::PlanEstimate plan = reader.Estimate("SELECT FROM " + query.from);
    const double rows = plan.rows;
    // Citus counts all rows where they are: it has no estimate for a sample, and would carry rows to the
    // aggregate.
    const bool sampled = rows > kSampleRows && !plan.distributed;
    if (sampled && !CanSample(reader, query.relation)) return std::nullopt;
    const double percent = 100 * kSampleRows / std::max(rows, 1.0);
    std::string from = query.from;
    if (sampled) from += " TABLESAMPLE SYSTEM (" + std::to_string(percent) + ") REPEATABLE (0)";
    ClauseCounts counts =
        reader.HasPulse() && !plan.distributed
            ? ReadClauses(query, reader.Query("SELECT " + ClauseCall(query, sampled) + " FROM " + from), 0)
            : ReadPlainClauses(query, reader.Query(PlainClauses(query, from, sampled)), sampled);
    if (sampled) Scale(counts, 100 / percent);
    return counts;
}

}  // namespace pulse::snapshot
