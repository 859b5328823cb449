#include "pulse/pg/parse.hpp"

namespace pulse::pg {

namespace {

constexpr const char* kBlank = " \t\r\n\f\v";

bool IsPlainSelect(Node* node) {
    if (!IsA(node, SelectStmt)) return false;
    auto* select = reinterpret_cast<SelectStmt*>(node);
    while (select->larg) select = select->larg;  // INTO stands in the leftmost arm of a UNION
    return !select->intoClause;
}

}  // namespace

ParsedText Parse(const std::string& sql) {
    List* list = Call([&] { return raw_parser(sql.c_str(), RAW_PARSE_DEFAULT); });
    ParsedText parsed;
    parsed.statements = list_length(list);
    if (parsed.statements != 1) return parsed;
    const auto* only = linitial_node(RawStmt, list);
    parsed.is_select = IsPlainSelect(only->stmt);
    parsed.statement =
        sql.substr(only->stmt_location, only->stmt_len > 0 ? only->stmt_len : std::string::npos);
    parsed.statement.erase(0, parsed.statement.find_first_not_of(kBlank));
    parsed.statement.erase(parsed.statement.find_last_not_of(kBlank) + 1);
    return parsed;
}

}  // namespace pulse::pg
