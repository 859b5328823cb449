#include "pulse/source/relation.hpp"

#include "pulse/base/ascii.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/source/cell.hpp"

namespace pulse::source {

namespace {

struct Candidate {
    std::string written, raw, raw_qualified;
};

std::vector<Candidate> ReadableRelations(Reader& reader) {
    const Rows rows = reader.Query(
        "SELECT CASE WHEN pg_catalog.pg_table_is_visible(c.oid) THEN pg_catalog.quote_ident(c.relname) "
        "ELSE pg_catalog.format('%I.%I', n.nspname, c.relname) END AS name, c.relname, "
        "pg_catalog.format('%s.%s', n.nspname, c.relname) "
        "FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace "
        "WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT LIKE 'pg\\_%' "
        "AND n.nspname NOT IN ('information_schema', 'pulse') "
        "AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') "
        "AND pg_catalog.has_table_privilege(c.oid, 'SELECT') ORDER BY name LIMIT 1000");
    std::vector<Candidate> list;
    for (const auto& row : rows.values)
        list.push_back({row[0].value_or(""), row[1].value_or(""), row[2].value_or("")});
    return list;
}

// What to type instead. Names are shown as SQL writes them.
std::string Suggest(Reader& reader, const std::string& name, const std::string& otherwise = "") {
    const std::vector<Candidate> candidates = ReadableRelations(reader);
    if (candidates.empty())
        return "There is no table or view that role " +
               reader.Query("SELECT current_user::text").values.at(0).at(0).value_or("") + " can read.";
    std::vector<std::string> names;
    std::string nearest;
    for (const Candidate& candidate : candidates) {
        names.push_back(candidate.written);
        if (candidate.raw == name || candidate.raw_qualified == name) nearest = candidate.written;
    }
    const auto as_written = [](std::string_view text) { return std::string(text); };
    if (nearest.empty())
        if (const std::string* near = FindNearest(name, names)) nearest = *near;
    if (nearest.empty() && !otherwise.empty()) return otherwise;
    if (nearest.empty()) return ListNames(names, "Relations", as_written);
    if (nearest.find('"') == std::string::npos) return "Did you mean " + nearest + "?";
    return "Did you mean " + nearest +
           "? The double quotes are part of the name; in JSON each is written \\\".";
}

}  // namespace

bool IsRelationName(const std::string& text) {
    size_t at = 0;
    const auto skip_blanks = [&] {
        while (at < text.size() && std::string_view(" \t\r\n\f\v").find(text[at]) != std::string::npos) ++at;
    };
    const auto in_word = [&](bool first) {
        const char c = text[at];
        return IsLetter(c) || c == '_' || (c & 0x80) != 0 || (!first && (IsDigit(c) || c == '$'));
    };
    for (int parts = 1; parts <= 2; ++parts) {
        skip_blanks();
        const size_t begin = at;
        if (at < text.size() && text[at] == '"') {
            for (++at; at < text.size(); ++at) {
                if (text[at] != '"') continue;
                if (at + 1 == text.size() || text[at + 1] != '"') break;
                ++at;
            }
            if (at >= text.size() || at == begin + 1) return false;  // not closed, or empty
            ++at;
        } else {
            while (at < text.size() && in_word(at == begin)) ++at;
            if (at == begin) return false;
        }
        skip_blanks();
        if (at == text.size()) return true;
        if (text[at++] != '.') return false;
    }
    return false;
}

NamedRelation FindRelation(Reader& reader, const std::string& name) {
    if (!IsRelationName(name))
        throw UserError(sqlstate::kInvalidName, InQuotes(name) + " is not the name of a relation", "",
                        Suggest(reader, name,
                                "Give for example users or app.users, with double quotes where SQL "
                                "needs them."));
    const Rows rows = reader.Query(
        "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), c.relkind IN ('r', 'p', 'v', 'm', 'f'), "
        "c.relpersistence = 't' FROM pg_catalog.pg_class AS c "
        "JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace "
        "WHERE c.oid = pg_catalog.to_regclass(" +
        Literal(name) + ")::pg_catalog.oid");
    if (rows.empty())
        throw UserError(sqlstate::kUndefinedTable, "relation " + InQuotes(name) + " does not exist", "",
                        Suggest(reader, name));
    const auto& row = rows.values[0];
    return {row[0].value_or(""), ToBoolean(row[1]), ToBoolean(row[2])};
}

}  // namespace pulse::source
