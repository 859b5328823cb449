// Compiles rules over people to a member query with one pass over their events. Pure C++.
#pragma once

#include <string>
#include <vector>

#include "pulse/rule/compile.hpp"
#include "pulse/segment/definition.hpp"
#include "pulse/segment/request.hpp"
#include "pulse/source/local.hpp"

namespace pulse::segment {

// Compile a request that is expanded and whose attributes have kinds. People first seen after the moment are
// left out, unless they have earlier events.
MemberQuery CompileProfileMembers(const Request& request, const std::string& now_sql);

// The attributes as columns, for comparing schemas: they change only with the definition.
std::vector<source::Column> ProfileColumns(const Request& request);

// Make an attribute of people as SQL over the alias s; values of another type become null.
Attribute MakeProfileAttribute(const AttributeRequest& attribute);

// One value of each person: an attribute, a trait, whether it is in a segment.
struct PersonValue {
    std::string sql;  // a query for all people: id (the canonical profile), value
    rule::ValueType type;
};

// Compile an expanded expression over people. Throws UserError.
PersonValue CompilePersonValue(const rule::Expr& expanded, const std::string& time_zone,
                               const std::string& now_sql);

// Several values of each person, with one pass over the events.
struct PersonValues {
    std::string sql;  // a query for all people: id, value1, value2, …
    std::vector<rule::ValueType> types;
};
PersonValues CompilePersonValues(const std::vector<rule::ExprPtr>& expanded, const std::string& time_zone,
                                 const std::string& now_sql);

}  // namespace pulse::segment
