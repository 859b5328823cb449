// Names, types and quoting for the compiler.
#include <algorithm>
#include <array>

#include "pulse/base/error.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/rule/compile.hpp"
#include "pulse/rule/literal.hpp"
#include "pulse/rule/print.hpp"
#include "pulse/rule/compiled_value.hpp"

namespace pulse::rule {

namespace {

std::string EscapeQuotes(std::string_view text, char quote, bool backslashes) {
    std::string quoted(1, quote);
    for (const char c : text) {
        if (c == quote || (backslashes && c == '\\')) quoted += c;
        quoted += c;
    }
    return quoted + quote;
}

}  // namespace

ValueType TypeOf(std::string_view sql_type) {
    if (sql_type.ends_with("[]")) return ValueType::kArray;
    if (sql_type.starts_with("timestamp"))
        return ValueType::kTimestamp;  // with or without precision and time zone
    if (sql_type.starts_with("interval")) return ValueType::kDuration;
    // An extension's type may be written with its schema, a type with a length in parentheses.
    if (sql_type.ends_with(".citext")) return ValueType::kText;
    const std::string_view name = sql_type.substr(0, sql_type.find('('));
    struct KnownType {
        std::string_view name;
        ValueType type;
    };
    constexpr std::array kKnownTypes = {
        KnownType{"boolean", ValueType::kBoolean},
        KnownType{"smallint", ValueType::kNumber},
        KnownType{"integer", ValueType::kNumber},
        KnownType{"bigint", ValueType::kNumber},
        KnownType{"numeric", ValueType::kNumber},
        KnownType{"real", ValueType::kNumber},
        KnownType{"double precision", ValueType::kNumber},
        KnownType{"text", ValueType::kText},
        KnownType{"character varying", ValueType::kText},
        KnownType{"character", ValueType::kText},
        KnownType{"\"char\"", ValueType::kText},
        KnownType{"name", ValueType::kText},
        KnownType{"citext", ValueType::kText},
        KnownType{"date", ValueType::kTimestamp},
        KnownType{"json", ValueType::kJson},
        KnownType{"jsonb", ValueType::kJson},
    };
    const auto known = std::find_if(kKnownTypes.begin(), kKnownTypes.end(),
                                    [&](const KnownType& k) { return k.name == name; });
    return known == kKnownTypes.end() ? ValueType::kOther : known->type;
}

std::string QuoteName(std::string_view name) {
    return EscapeQuotes(name, '"', false);
}

std::string QuoteText(std::string_view text) {
    // E'…' does not depend on standard_conforming_strings; the blank separates it from a preceding word.
    const bool backslashes = text.find('\\') != std::string_view::npos;
    return (backslashes ? " E" : "") + EscapeQuotes(text, '\'', backslashes);
}

std::vector<std::string> RelationScope::Names() const {
    std::vector<std::string> names;
    for (const Column& column : columns_) names.push_back(column.name);
    return names;
}

void RelationScope::Refuse(const Expr& expr) const {
    throw UserError(sqlstate::kNotSupported,
                    PrintShort(expr) + " is not available in a relation segment" + AtPosition(expr),
                    "The rule of a segment over a relation can use the columns of the relation only.",
                    SuggestName("", Names(), "Columns", PrintName));
}

Resolved RelationScope::ResolveMetric(const Expr& expr) const {
    Refuse(expr);
}

Resolved RelationScope::Resolve(const Reference& reference, size_t position) const {
    const Expr expr{reference, position, 1};
    if (reference.kind != Reference::Kind::kPath || reference.path.size() != 1) Refuse(expr);
    const std::string& name = reference.path[0];
    const auto column =
        std::find_if(columns_.begin(), columns_.end(), [&](const Column& c) { return c.name == name; });
    if (column == columns_.end())
        throw UserError(sqlstate::kUndefinedColumn,
                        "unknown column " + PrintShort(expr) + " in rule" + AtPosition(expr),
                        "The relation has no column of that name; upper and lower case differ.",
                        SuggestName(name, Names(), "Columns", PrintName));
    const std::string sql = "s." + QuoteName(name);
    return {column->cast ? "(" + sql + ")::" + column->sql_type : sql, column->type, column->sql_type, name};
}

}  // namespace pulse::rule
