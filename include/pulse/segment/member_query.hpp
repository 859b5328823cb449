// Definition + columns → member query. Pure C++.
#pragma once

#include <string>
#include <vector>

#include "pulse/rule/ast.hpp"
#include "pulse/segment/definition.hpp"
#include "pulse/segment/request.hpp"
#include "pulse/source/reader.hpp"

namespace pulse::segment {

// The definition's rule as a tree, from text or JSON; of a static segment, whether a person was added.
// nullptr without a rule.
rule::ExprPtr ReadRule(const Request& request);

// What stands for the rule of a static segment where rules are shown.
inline constexpr const char* kAddedByHand = "added by hand";

// The columns of the relation or query that the definition reads.
std::vector<source::Column> DescribeColumns(source::Reader& reader, const Request& request);

// Compile a definition with resolved names: `from` is quoted and qualified, the key is given. If it names no
// attributes, there are none. Throws UserError if the definition does not match the columns.
MemberQuery CompileMembers(const Request& request, const std::vector<source::Column>& columns,
                           const std::string& now_sql);

// A part of a definition that does not fit the columns, and why.
struct UnreadablePart {
    std::string name;  // attribute region, converted, last_active
    std::string reason;
};

// The same, without what a snapshot can do without: attributes, "converted" and "last_active" that do not fit
// the columns are added to `unreadable` instead. The rule and the key must fit.
MemberQuery CompileReadable(const Request& request, const std::vector<source::Column>& columns,
                            const std::string& now_sql, std::vector<UnreadablePart>& unreadable);

// Find a column by name. Throws UserError 42703 with similar names; `role` is the use of the column in the
// message, such as "key".
const source::Column& FindColumn(const std::vector<source::Column>& columns, const std::string& name,
                                 const char* role);

}  // namespace pulse::segment
