// Compiles rules over people to a member query with one pass over their events. Pure C++.
#pragma once

#include <string>
#include <vector>

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

}  // namespace pulse::segment
