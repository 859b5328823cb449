#include "pulse/base/definition_kind.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "pulse/base/error.hpp"
#include "pulse/base/json.hpp"

namespace pulse {

namespace {

// Made when the first kind is registered: the order in which files are initialised is not known.
std::vector<DefinitionKind>& RegisteredKinds() {
    static std::vector<DefinitionKind> kinds;
    return kinds;
}

std::vector<DefinitionTable>& TablesWithoutDefinitions() {
    static std::vector<DefinitionTable> tables;
    return tables;
}

// As PostgreSQL reads it with any setting of standard_conforming_strings.
std::string SqlLiteral(const std::string& text) {
    std::string literal;
    bool escaped = false;
    for (const char c : text) {
        if (c == '\'' || c == '\\') literal += c;
        escaped |= c == '\\';
        literal += c;
    }
    return (escaped ? "E'" : "'") + literal + "'";
}

std::string ArrayElement(const std::string& text) {
    std::string element = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') element += '\\';
        element += c;
    }
    return element + "\"";
}

}  // namespace

std::string DefinitionCall::Sql() const {
    std::string sql = "SELECT " + function + "(";
    for (size_t i = 0; i < arguments.size(); ++i)
        sql += (i > 0 ? ", " : "") + arguments[i].name + " => " +
               (arguments[i].value ? SqlLiteral(*arguments[i].value) : "NULL");
    return sql + ");";
}

bool RegisterDefinitionKind(const DefinitionKind& kind) {
    std::vector<DefinitionKind>& kinds = RegisteredKinds();
    kinds.insert(
        std::upper_bound(kinds.begin(), kinds.end(), kind,
                         [](const DefinitionKind& a, const DefinitionKind& b) { return a.order < b.order; }),
        kind);
    return true;
}

const std::vector<DefinitionKind>& DefinitionKinds() {
    return RegisteredKinds();
}

const DefinitionKind* FindDefinitionKind(const std::string& name) {
    for (const DefinitionKind& kind : RegisteredKinds())
        if (name == kind.name) return &kind;
    return nullptr;
}

bool RegisterWithoutDefinitions(const char* reason, const std::vector<const char*>& tables) {
    for (const char* table : tables) TablesWithoutDefinitions().push_back({table, std::nullopt, reason});
    return true;
}

std::vector<DefinitionTable> DefinitionTables() {
    std::vector<DefinitionTable> tables = TablesWithoutDefinitions();
    for (const DefinitionKind& kind : RegisteredKinds())
        for (const char* table : kind.tables) tables.push_back({table, std::string(kind.name), ""});
    std::sort(tables.begin(), tables.end(),
              [](const DefinitionTable& a, const DefinitionTable& b) { return a.table < b.table; });
    return tables;
}

std::string ArgumentText(const nlohmann::json& value, DefinitionField::Type type) {
    using Type = DefinitionField::Type;
    if (type == Type::kTexts) {
        std::string array = "{";
        if (!value.is_array())
            ThrowInvalid("a list of texts is expected", "It is " + DumpJson(value) + ".", "");
        for (const nlohmann::json& item : value)
            if (!item.is_string())
                ThrowInvalid("a list of texts is expected", "It has " + DumpJson(item) + ".", "");
        for (const nlohmann::json& item : value)
            array += (array.size() > 1 ? "," : "") + ArrayElement(item.get<std::string>());
        return array + "}";
    }
    if (type != Type::kJson && value.is_string()) return value.get<std::string>();
    return DumpJson(value);
}

}  // namespace pulse
