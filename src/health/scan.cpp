#include <algorithm>
#include <cmath>

#include "pulse/health/measure.hpp"
#include "pulse/rule/compile.hpp"
#include "pulse/source/cell.hpp"

namespace pulse::health {

namespace {

double NumberOrZero(const source::Cell& cell) {
    return source::ToOptionalNumber(cell).value_or(0);
}

// A fixed seed draws the same pages, so that an unchanged table gives the same result.
constexpr const char* kSeed = "4711";

std::string Help(const TableFacts& facts) {
    return facts.sampled() ? "Raise pulse.row_limit, or give the table an index that serves the check."
                           : "Monitor the tables behind " + facts.relation + ", or raise pulse.row_limit.";
}

}  // namespace

std::string Quoted(const std::string& name) {
    return rule::QuoteName(name);
}

double RatioError(double m, double n, double nn, double x, double xx, double xn, double fraction) {
    if (m < 2 || n <= 0) return 0;
    const double ratio = x / n;
    const double squares = std::max(0.0, xx - 2 * ratio * xn + ratio * ratio * nn);
    return std::sqrt(m / (m - 1) * squares * std::clamp(1 - fraction, 0.0, 1.0)) / n;
}

std::string NanCondition(const CatalogColumn& column) {
    return "t." + Quoted(column.name) + " = 'NaN'";
}

std::string BadCondition(const Check& check, const CatalogColumn& facts) {
    const std::string column = "t." + Quoted(facts.name);
    const std::string or_nan = facts.holds_nan() ? " OR " + NanCondition(facts) : "";
    switch (check.type) {
        case CheckType::kNullRate: return column + " IS NULL" + or_nan;
        case CheckType::kAcceptedValues: {
            std::string list;
            for (const std::string& value : check.values)
                list += (list.empty() ? "" : ", ") + source::Literal(value);
            return column + " NOT IN (" + list + ")";
        }
        case CheckType::kRange: {
            std::string condition;
            if (check.low) condition = column + " < " + source::Literal(*check.low);
            if (check.high)
                condition +=
                    (condition.empty() ? "" : " OR ") + column + " > " + source::Literal(*check.high);
            return condition + or_nan;
        }
        case CheckType::kReferences:
            return column + " IS NOT NULL AND NOT EXISTS (SELECT FROM " + check.relation + " AS p WHERE p." +
                   Quoted(check.to) + " = " + column + ")";
        default: throw std::logic_error("not a check of a column");
    }
}

TableScan::TableScan(const TableFacts& facts, const ReadLimits& limits) : facts_(facts) {
    if (facts.rows <= limits.row_limit) return;
    if (facts.sampled()) fraction_ = std::min(limits.sample_rows, limits.row_limit) / facts.rows;
}

size_t TableScan::CountWhere(const std::string& condition) {
    counts_.push_back(condition);
    return counts_.size() - 1;
}

size_t TableScan::Duplicates(const std::vector<std::string>& columns) {
    std::string filled, list;
    for (const std::string& column : columns) {
        filled += (filled.empty() ? "t." : " AND t.") + Quoted(column) + " IS NOT NULL";
        list += (list.empty() ? "t." : ", t.") + Quoted(column);
    }
    if (columns.size() > 1) list = "ROW(" + list + ")";
    duplicates_.push_back("pg_catalog.count(*) FILTER (WHERE " + filled + ") - pg_catalog.count(DISTINCT " +
                          list + ") FILTER (WHERE " + filled + ")");
    return duplicates_.size() - 1;
}

std::string TableScan::From() const {
    std::string from = " FROM " + facts_.relation + " AS t";
    if (sampling()) {
        char percent[32];
        std::snprintf(percent, sizeof percent, "%.6f", std::max(100 * fraction_, 0.000001));
        from += std::string(" TABLESAMPLE SYSTEM (") + percent + ") REPEATABLE (" + kSeed + ")";
    }
    return from;
}

std::string TableScan::WholeSql() const {
    std::string sql = "SELECT pg_catalog.count(*)";
    for (const std::string& condition : counts_)
        sql += ", pg_catalog.count(*) FILTER (WHERE " + condition + ")";
    for (const std::string& expression : duplicates_) sql += ", " + expression;
    return sql + From();
}

std::string TableScan::SampleSql() const {
    std::string inner = "SELECT pg_catalog.count(*)::pg_catalog.float8 AS n",
                outer = "SELECT sum(n), count(*), sum(n * n)";
    for (size_t i = 0; i < counts_.size(); ++i) {
        const std::string x = "x" + std::to_string(i);
        inner += ", pg_catalog.count(*) FILTER (WHERE " + counts_[i] + ")::pg_catalog.float8 AS " + x;
        outer += ", sum(" + x + "), sum(" + x + " * " + x + "), sum(" + x + " * n)";
    }
    return outer + " FROM (" + inner + From() + " GROUP BY t.tableoid, (t.ctid::text::point)[0]) AS page";
}

void TableScan::Run(PlanGuard& guard) {
    const std::string help = Help(facts_);
    const bool pages = sampling() && (!counts_.empty() || wanted_);
    if (pages || !sampling()) {
        const source::Rows rows = guard.Query(pages ? SampleSql() : WholeSql(), help);
        const auto& row = rows.values.at(0);
        rows_ = NumberOrZero(row[0]);
        size_t column = pages ? 3 : 1;
        for (size_t i = 0; i < counts_.size(); ++i) {
            counted_.push_back(NumberOrZero(row[column]));
            errors_.push_back(pages ? RatioError(NumberOrZero(row[1]), rows_, NumberOrZero(row[2]),
                                                 NumberOrZero(row[column]), NumberOrZero(row[column + 1]),
                                                 NumberOrZero(row[column + 2]), fraction_)
                                    : 0);
            column += pages ? 3 : 1;
        }
        if (!pages)
            for (size_t i = 0; i < duplicates_.size(); ++i)
                duplicated_.push_back(NumberOrZero(row[column++]));
    }
    if (!sampling() || duplicates_.empty()) return;
    // Counted over the whole sample, not per page.
    std::string sql = "SELECT pg_catalog.count(*)";
    for (const std::string& expression : duplicates_) sql += ", " + expression;
    const source::Rows rows = guard.Query(sql + From(), help);
    rows_ = NumberOrZero(rows.values.at(0)[0]);
    for (size_t i = 0; i < duplicates_.size(); ++i)
        duplicated_.push_back(NumberOrZero(rows.values[0][i + 1]));
}

}  // namespace pulse::health
