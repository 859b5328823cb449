#include "pulse/segment/attribute.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "pulse/base/error.hpp"
#include "pulse/rule/compile.hpp"

namespace pulse::segment {

namespace {

bool IsOneOf(const std::string& type, std::initializer_list<const char*> types) {
    return std::any_of(types.begin(), types.end(), [&](const char* t) { return type == t; });
}

bool IsWholeNumber(const std::string& type) {
    return IsOneOf(type, {"smallint", "integer", "bigint"});
}

// The cast of a column to a kind; empty if the column cannot be measured as this kind.
std::string Cast(const std::string& expression, const source::Column& column, AttributeKind kind) {
    const auto natural = DefaultAttributeKind(column);
    switch (kind) {
        case AttributeKind::kCategorical: return expression + "::text";
        case AttributeKind::kBoolean: return natural == kind ? expression + "::boolean" : "";
        case AttributeKind::kNumeric:
            if (column.base == "money") return expression + "::numeric::double precision";
            return natural == kind ? expression + "::double precision" : "";
        case AttributeKind::kTimestamp:
            return natural == kind ? expression + "::timestamp with time zone" : "";
    }
    return "";
}

std::string KindsFor(const source::Column& column) {
    const auto natural = DefaultAttributeKind(column);
    if (!natural || *natural == AttributeKind::kCategorical) return "categorical";
    return std::string(Name(*natural)) + " or categorical";
}

// Whether values are too rarely repeated to be counted by name. Needs more than a few distinct values.
bool IsNearlyUnique(const ColumnFacts& facts) {
    constexpr double kFew = 20;
    return facts.distinct > kFew && facts.distinct > facts.values / 2;
}

// 0 is the best, 2 the last choice; none for columns that are not chosen automatically.
std::optional<int> Rank(const ColumnFacts& facts, const std::string& key) {
    const auto kind = DefaultAttributeKind(facts.column);
    if (!kind || facts.column.name == key || facts.unique) return std::nullopt;
    switch (*kind) {
        case AttributeKind::kBoolean: return 0;
        case AttributeKind::kCategorical: return IsNearlyUnique(facts) ? std::nullopt : std::optional(0);
        case AttributeKind::kNumeric:
            return IsWholeNumber(facts.column.base) && IsNearlyUnique(facts) &&
                           facts.distinct > 0.9 * facts.values
                       ? std::nullopt
                       : std::optional(1);
        case AttributeKind::kTimestamp: return 2;
    }
    return std::nullopt;
}

}  // namespace

bool IsPersonal(const std::string& name) {
    std::string letters;
    for (const char c : name)
        if (std::isalpha(static_cast<unsigned char>(c)))
            letters += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const auto has = [&](const char* part) { return letters.find(part) != std::string::npos; };
    constexpr std::array kParts = {"mail",  "phone",    "mobile", "ssn",  "address", "birth",
                                   "token", "password", "secret", "iban", "card"};
    return letters == "ip" || letters.ends_with("name") || std::any_of(kParts.begin(), kParts.end(), has);
}

std::optional<AttributeKind> DefaultAttributeKind(const source::Column& column) {
    if (column.enumerated) return AttributeKind::kCategorical;
    const std::string& type = column.base;
    if (type == "boolean") return AttributeKind::kBoolean;
    if (IsWholeNumber(type) || IsOneOf(type, {"real", "double precision", "numeric", "money"}))
        return AttributeKind::kNumeric;
    if (IsOneOf(type, {"date", "timestamp without time zone", "timestamp with time zone"}))
        return AttributeKind::kTimestamp;
    if (IsOneOf(type, {"text", "character varying", "character", "\"char\"", "name", "citext", "uuid", "inet",
                       "cidr"}))
        return AttributeKind::kCategorical;
    return std::nullopt;
}

Attribute MakeAttribute(const source::Column& column, std::optional<AttributeKind> kind) {
    if (!kind) kind = DefaultAttributeKind(column);
    if (!kind)
        throw UserError(sqlstate::kDatatypeMismatch,
                        "attribute \"" + column.name + "\" of type " + column.type + " needs a kind", "",
                        "Give {\"name\": \"" + column.name +
                            "\", \"kind\": \"categorical\"} to count its values as text.");
    const std::string raw = "s." + rule::QuoteName(column.name);
    const std::string sql = Cast(raw, column, *kind);
    if (sql.empty())
        throw UserError(sqlstate::kDatatypeMismatch,
                        "attribute \"" + column.name + "\" of type " + column.type +
                            " cannot be measured as " + Name(*kind),
                        "",
                        "It can be measured as " + KindsFor(column) +
                            "; for another kind use a \"query\" that casts the column.");
    // pulse.measure() reads all types of a kind except money.
    return {column.name, *kind, sql, column.base == "money" && *kind == AttributeKind::kNumeric ? sql : raw};
}

std::vector<AttributeRequest> ChooseAttributes(const std::vector<ColumnFacts>& columns,
                                               const std::string& key) {
    struct Candidate {
        int rank;
        size_t place;
    };
    std::vector<Candidate> candidates;
    for (size_t i = 0; i < columns.size(); ++i)
        if (const auto rank = Rank(columns[i], key)) candidates.push_back({*rank, i});
    std::stable_sort(candidates.begin(), candidates.end(), [](auto& a, auto& b) { return a.rank < b.rank; });
    if (candidates.size() > kMaxChosenAttributes) candidates.resize(kMaxChosenAttributes);
    std::sort(candidates.begin(), candidates.end(), [](auto& a, auto& b) { return a.place < b.place; });
    std::vector<AttributeRequest> chosen;
    for (const Candidate& candidate : candidates) {
        const source::Column& column = columns[candidate.place].column;
        chosen.push_back({column.name, DefaultAttributeKind(column)});
    }
    return chosen;
}

}  // namespace pulse::segment
