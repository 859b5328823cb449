// Facts about a table from its server's catalog, which cost nothing to read. Pure C++.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pulse/source/reader.hpp"

namespace pulse::health {

struct CatalogColumn {
    int number = 0;  // attnum: unchanged when the column is renamed
    std::string name, type;
    std::string base;  // type without modifier, of a domain its base type
    bool not_null = false;
    std::string fallback;  // DEFAULT expression
    // From pg_stats; unset without statistics, or without the right to see them.
    std::optional<double> null_share, distinct, correlation;
    std::vector<std::string> common;  // most common values, as text; only when no other values exist

    bool timelike() const {
        return base == "timestamp with time zone" || base == "timestamp without time zone" || base == "date";
    }
    bool holds_nan() const { return base == "double precision" || base == "real" || base == "numeric"; }
};

struct IndexFacts {
    std::string name;
    std::vector<std::string> columns;  // in order; empty for an expression
    bool unique = false;  // no two rows of the table have the same values, by the columns' own equality
    bool primary = false;
    bool whole = true;    // not partial
    bool ordered = true;  // a B-tree
};

struct ForeignKey {
    std::string column, relation, to;  // keys of one column
    bool validated = true;             // all rows were checked once
    bool enforced = true;              // its triggers are enabled
};

struct TableFacts {
    std::string relation;  // quoted, schema-qualified
    char kind = 'r';       // relkind
    bool has_children = false;
    double rows = 0;        // the planner's estimate for the table's current size
    bool analyzed = false;  // the table was analyzed, so that the estimate is based on data
    int64_t pages = 0;      // its current size
    bool standby = false;
    double replica_late =
        0;            // seconds that the standby's newest replayed transaction is behind; 0 when it has all
    double cost = 0;  // highest plan cost so far

    std::vector<CatalogColumn> columns;
    std::vector<IndexFacts> indexes;
    std::vector<ForeignKey> keys;

    const CatalogColumn* Find(const std::string& column) const;
    // A B-tree over all rows that begins with the column, or null.
    const IndexFacts* IndexOn(const std::string& column) const;
    // Whether TABLESAMPLE and pages work: tables with rows of their own.
    bool sampled() const { return kind == 'r' || kind == 'p' || kind == 'm'; }
};

// The quoted, schema-qualified name of the relation that `name` refers to there. Throws UserError 42P01 with
// the nearest names, 42809 for a relation without rows of its own.
std::string Qualify(source::Reader& reader, const std::string& name);

// Reads them. Throws UserError 42P01 when the relation is gone.
TableFacts ReadFacts(source::Reader& reader, const std::string& relation);

// The column by that name, or UserError 42703 with the nearest names.
const CatalogColumn& RequireColumn(const TableFacts& facts, const std::string& column);

// The likeliest column with the arrival time of rows: a timestamp that is indexed, filled by default, named
// so, or in storage order. Null without one.
const CatalogColumn* ArrivalColumn(const TableFacts& facts);

}  // namespace pulse::health
