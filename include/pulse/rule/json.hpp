// JSON rules → the same tree as rule text.
#pragma once

#include <nlohmann/json.hpp>

#include "pulse/rule/ast.hpp"

namespace pulse::rule {

// Read {"rules": [{"field", "operator", "value"}, …], "logicalOperator": "AND" | "OR", "groups": [the same,
// …]}. Other keys are an error, and so is a group without rules. Throws UserError that names the place, e.g.
// groups[0].rules[2].
ExprPtr FromJson(const nlohmann::json& json);

}  // namespace pulse::rule
