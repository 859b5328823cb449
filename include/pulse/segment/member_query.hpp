// Definition + columns → member query. Pure C++.
#pragma once

#include <string>
#include <vector>

#include "pulse/rule/ast.hpp"
#include "pulse/segment/definition.hpp"
#include "pulse/segment/request.hpp"
#include "pulse/source/reader.hpp"

namespace pulse::segment {

// The tree of the definition's rule, whichever way it was written; nullptr without one.
rule::ExprPtr ReadRule(const Request& request);

// The columns of what the definition reads.
std::vector<source::Column> DescribeColumns(source::Reader& reader, const Request& request);

// Compile a definition whose names are resolved: `from` is quoted and qualified, the key is given. Attributes
// not named are none. Throws UserError when something does not fit the columns.
MemberQuery CompileMembers(const Request& request, const std::vector<source::Column>& columns,
                           const std::string& now_sql);

// The column of that name. Throws UserError 42703 naming the nearest ones; `role` is what it was to be:
// "key".
const source::Column& FindColumn(const std::vector<source::Column>& columns, const std::string& name,
                                 const char* role);

}  // namespace pulse::segment
