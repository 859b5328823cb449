#include "pulse/pg/parse.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/segment/store.hpp"
#include "pulse/source/users.hpp"

namespace pulse::segment {

namespace {

// Split a search_path, as stored, into its schemas.
std::vector<std::string> SchemasOf(const std::string& search_path) {
    std::vector<std::string> schemas;
    std::string name;
    bool quoted = false;
    for (size_t i = 0; i <= search_path.size(); ++i) {
        const char c = i < search_path.size() ? search_path[i] : ',';
        if (c == '"') {
            if (quoted && i + 1 < search_path.size() && search_path[i + 1] == '"')
                name += search_path[i++];
            else
                quoted = !quoted;
        } else if (c == ',' && !quoted) {
            if (!name.empty()) schemas.push_back(name);
            name.clear();
        } else if (c != ' ' || quoted) {
            name += c;
        }
    }
    return schemas;
}

std::string Qualified(const std::string& schema, const std::string& name) {
    return pg::QuoteIdentifier(schema) + "." + pg::QuoteIdentifier(name);
}

}  // namespace

std::vector<std::string> RelationsOf(const Json& definition, const std::string& search_path) {
    std::vector<std::string> relations;
    const std::string from = definition.value("from", ""), query = definition.value("query", "");
    if (!from.empty()) relations.push_back(from);
    if (query.empty()) return relations;
    const std::vector<std::string> schemas = SchemasOf(search_path);
    for (const auto& [schema, name] : pg::RelationsIn(query)) {
        if (!schema.empty()) {
            relations.push_back(Qualified(schema, name));
            continue;
        }
        for (const std::string& each : schemas) relations.push_back(Qualified(each, name));
    }
    return relations;
}

namespace {

void ListSegmentsOfSource(const std::string& source, std::vector<std::string>& users) {
    const pg::Result rows = pg::Execute(
        "SELECT name FROM pulse.segment WHERE definition -> 'source' ? $1 AND status <> 'archived' ORDER BY name LIMIT 10",
        {pg::Value::Text(source)}, true);
    for (uint64_t i = 0; i < rows.size(); ++i) users.push_back("segment \"" + rows[i].Text(0) + "\"");
}

[[maybe_unused]] const bool source_users_registered = source::RegisterSourceUsers(ListSegmentsOfSource);

}  // namespace

}  // namespace pulse::segment
