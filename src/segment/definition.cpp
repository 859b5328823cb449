#include "pulse/segment/definition.hpp"

#include "pulse/rule/compile.hpp"
#include "pulse/segment/segment.hpp"

namespace pulse::segment {

const char* Name(SegmentKind kind) {
    switch (kind) {
        case SegmentKind::kRelation: return "relation";
        case SegmentKind::kQuery: return "query";
        case SegmentKind::kProfile: return "profile";
    }
    return "";
}

const char* Name(AttributeKind kind) {
    switch (kind) {
        case AttributeKind::kCategorical: return "categorical";
        case AttributeKind::kBoolean: return "boolean";
        case AttributeKind::kNumeric: return "numeric";
        case AttributeKind::kTimestamp: return "timestamp";
    }
    return "";
}

const char* Name(Status status) {
    switch (status) {
        case Status::kDraft: return "draft";
        case Status::kActive: return "active";
        case Status::kPaused: return "paused";
        case Status::kArchived: return "archived";
    }
    return "";
}

std::optional<AttributeKind> ParseAttributeKind(const std::string& name) {
    for (const AttributeKind kind : {AttributeKind::kCategorical, AttributeKind::kBoolean,
                                     AttributeKind::kNumeric, AttributeKind::kTimestamp})
        if (name == Name(kind)) return kind;
    return std::nullopt;
}

std::string MemberQuery::Where() const {
    if (clauses.empty()) return "true";
    std::string where;
    // The rule compiler makes each clause self-contained.
    for (const Clause& clause : clauses) where += (where.empty() ? "" : "\n  AND ") + clause.sql;
    return where;
}

std::string MemberQuery::Sql() const {
    std::string sql = "SELECT " + key + " AS member";
    for (const Attribute& attribute : attributes)
        sql += ",\n       " + attribute.sql + " AS " + rule::QuoteName(attribute.name);
    if (converted) sql += ",\n       " + *converted + " AS converted";
    if (last_active) sql += ",\n       " + *last_active + " AS last_active";
    sql += "\nFROM " + MembersFrom();
    if (!clauses.empty()) sql += "\nWHERE " + Where();
    return sql;
}

}  // namespace pulse::segment
