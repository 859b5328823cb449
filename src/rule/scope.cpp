// Names, types and quoting for the compiler.
#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

#include "pulse/base/error.hpp"
#include "pulse/rule/compile.hpp"
#include "pulse/rule/literal.hpp"
#include "pulse/rule/print.hpp"
#include "pulse/rule/compiled_value.hpp"

namespace pulse::rule {

namespace {

constexpr size_t kLongestName = 128;  // up to which similar names are searched
constexpr size_t kListedNames = 20;

std::string Lowered(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return text;
}

// The Damerau-Levenshtein distance, ignoring case.
size_t EditDistance(const std::string& from, const std::string& to) {
    const std::string a = Lowered(from), b = Lowered(to);
    std::vector<size_t> before, last(b.size() + 1), row(b.size() + 1);
    std::iota(last.begin(), last.end(), size_t{0});
    for (size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (size_t j = 1; j <= b.size(); ++j) {
            row[j] = std::min({last[j - 1] + (a[i - 1] != b[j - 1]), last[j] + 1, row[j - 1] + 1});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = std::min(row[j], before[j - 2] + 1);
        }
        before = std::exchange(last, row);
    }
    return last[b.size()];
}

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

std::string SuggestName(const std::string& name, const std::vector<std::string>& valid,
                        const std::string& what, std::string (*print)(std::string_view)) {
    if (!print) print = PrintName;
    if (name.size() <= kLongestName) {
        size_t least = std::max<size_t>(name.size() / 3, 1) + 1;
        const std::string* nearest = nullptr;
        for (const std::string& candidate : valid) {
            const size_t distance = EditDistance(name, candidate);
            if (distance < least) {
                least = distance;
                nearest = &candidate;
            }
        }
        if (nearest) return "Did you mean " + print(*nearest) + "?";
    }
    std::string list = what + " are ";
    for (size_t i = 0; i < valid.size() && i < kListedNames; ++i)
        list += (i > 0 ? ", " : "") + print(valid[i]);
    return list + (valid.size() > kListedNames ? ", …" : ".");
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
                    SuggestName("", Names(), "Columns"));
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
                        SuggestName(name, Names(), "Columns"));
    return {"s." + QuoteName(name), column->type, column->sql_type, name};
}

}  // namespace pulse::rule
