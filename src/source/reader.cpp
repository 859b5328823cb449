#include "pulse/source/reader.hpp"

namespace pulse::source {

std::string Literal(const std::string& text) {
    std::string quoted = "'";
    for (const char c : text) quoted += c == '\'' ? std::string("''") : std::string(1, c);
    return quoted + "'";
}

namespace {

// SQL for the fields of Column of the type with oid `type`, after the columns `name` and `format`.
std::string TypeFacts(const std::string& type) {
    // Domains over domains, and arrays of domains: `base` is the type at the bottom of the chain.
    return "(WITH RECURSIVE chain(oid, base, kind, list) AS ("
           "SELECT t.oid, t.typbasetype, t.typtype, false FROM pg_catalog.pg_type t WHERE t.oid = " +
           type +
           " UNION ALL SELECT t.oid, t.typbasetype, t.typtype, c.list OR c.kind <> 'd' "
           "FROM chain c JOIN pg_catalog.pg_type l ON l.oid = c.oid JOIN pg_catalog.pg_type t "
           "ON t.oid = CASE WHEN c.kind = 'd' THEN c.base WHEN NOT c.list THEN l.typelem END "
           "AND (c.kind = 'd' OR t.typarray = c.oid)) "
           "SELECT CASE WHEN c.list THEN pg_catalog.format_type(t.typarray, NULL) || '-' "
           "ELSE pg_catalog.format_type(c.oid, NULL) || CASE c.kind WHEN 'e' THEN '+' ELSE '-' END END "
           "FROM chain c JOIN pg_catalog.pg_type t ON t.oid = c.oid WHERE c.kind <> 'd' "
           "ORDER BY c.list DESC LIMIT 1)";
}

std::vector<Column> ReadColumns(const Rows& rows) {
    std::vector<Column> columns;
    for (const auto& row : rows.values) {
        std::string base = row.at(2).value_or("-");
        const bool enumerated = base.back() == '+';
        base.pop_back();
        columns.push_back({row.at(0).value_or(""), row.at(1).value_or(""), base, enumerated});
    }
    return columns;
}

}  // namespace

std::vector<Column> Reader::Describe(const std::string& relation) {
    std::vector<Column> columns = ReadColumns(Query(
        "SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), " + TypeFacts("a.atttypid") +
        " FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = pg_catalog.to_regclass(" + Literal(relation) +
        ")::pg_catalog.oid AND a.attnum > 0 AND NOT a.attisdropped "
        "ORDER BY a.attnum"));
    if (columns.empty())
        throw UserError(sqlstate::kUndefinedTable, "relation " + relation + " does not exist",
                        "It existed when the segment was defined.",
                        "Restore it, or change the segment with pulse_update_segment().");
    return columns;
}

std::vector<Column> Reader::DescribeQuery(const std::string& sql) {
    const Rows none = Query("SELECT * FROM (" + sql + "\n) AS s LIMIT 0");
    std::string list;
    for (size_t i = 0; i < none.names.size(); ++i)
        list += (list.empty() ? "(" : ", (") + std::to_string(i) + ", " + Literal(none.names[i]) + ", " +
                std::to_string(none.types[i]) + ", " + std::to_string(none.modifiers[i]) + ")";
    if (list.empty()) return {};
    return ReadColumns(Query("SELECT v.name, pg_catalog.format_type(v.type::pg_catalog.oid, v.modifier), " +
                             TypeFacts("v.type::pg_catalog.oid") + " FROM (VALUES " + list +
                             ") AS v(place, name, type, modifier) ORDER BY v.place"));
}

}  // namespace pulse::source
