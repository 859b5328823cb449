// Rules over people → member query: one pass over their events. Pure C++.
#pragma once

#include <string>
#include <vector>

#include "pulse/segment/definition.hpp"
#include "pulse/segment/request.hpp"
#include "pulse/source/local.hpp"

namespace pulse::segment {

// `request` is expanded, and its attributes have kinds. People who were first seen after the moment are none
// of its people, unless events of before that are known.
MemberQuery CompileProfileMembers(const Request& request, const std::string& now_sql);

// The attributes as columns, for whoever compares schemas: they change with the definition only.
std::vector<source::Column> ProfileColumns(const Request& request);

// An attribute of people as SQL over the alias s; a value of another type is null.
Attribute MakeProfileAttribute(const AttributeRequest& attribute);

}  // namespace pulse::segment
