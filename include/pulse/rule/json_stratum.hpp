// Rules as Stratum's segments write them → the same tree as rule text. Pure C++.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "pulse/rule/ast.hpp"

namespace pulse::rule {

// Whether a group of rules has the keys "conditions" or "logic", or a group in it has.
bool IsStratum(const nlohmann::json& json);

// Read {"logic": "and" | "or", "conditions": [{"field", "operator", "value"}, …], "groups": [the same, …]}. A
// group without conditions is true for nobody. Throws UserError that names the place, e.g.
// groups[0].conditions[2].
ExprPtr FromStratum(const nlohmann::json& json);

}  // namespace pulse::rule
