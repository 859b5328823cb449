// Kinds of segments and attributes, and the member query that other rooms use. Pure C++.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace pulse::segment {

enum class SegmentKind { kRelation, kQuery, kProfile };

// "relation", "query", "profile".
const char* Name(SegmentKind kind);

enum class AttributeKind { kCategorical, kBoolean, kNumeric, kTimestamp };

// "categorical", "boolean", "numeric", "timestamp".
const char* Name(AttributeKind kind);
std::optional<AttributeKind> ParseAttributeKind(const std::string& name);

// An attribute measured for each member.
struct Attribute {
    std::string name;
    AttributeKind kind;
    std::string sql;       // expression over the alias s, already of a type that fits the kind
    std::string raw = "";  // the same without a cast: pulse.measure() converts it faster
};

// One top-level conjunct of the rule.
struct Clause {
    std::string text;  // canonical rule text
    std::string sql;   // boolean expression over the alias s
};

// The compiled form of a definition. All SQL is complete and quoted.
struct MemberQuery {
    SegmentKind kind;
    std::string from;             // FROM item with alias s: "app"."users" AS s, or (SELECT …) AS s
    std::string narrowed;         // like `from`, without some rows that cannot be members; empty: use `from`
    std::string relation;         // "app"."users", or empty for a query
    std::string key;              // expression
    std::vector<Clause> clauses;  // a member meets all of them; empty: all rows are members
    std::vector<Attribute> attributes;
    std::optional<std::string> converted;    // boolean expression
    std::optional<std::string> last_active;  // timestamptz expression

    // The FROM item to select members from, together with Where().
    const std::string& MembersFrom() const { return narrowed.empty() ? from : narrowed; }
    // The conjunction of the clauses, or "true".
    std::string Where() const;
    // SELECT key AS member, attributes…, converted, last_active FROM … WHERE …
    std::string Sql() const;
};

}  // namespace pulse::segment
