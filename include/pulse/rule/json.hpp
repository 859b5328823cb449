// JSON rules → the same tree as rule text.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "pulse/rule/ast.hpp"

namespace pulse::rule {

// Read {"rules": [{"field", "operator", "value"}, …], "logicalOperator": "AND" | "OR", "groups": [the same,
// …]}, or that of json_stratum.hpp. Other keys are an error, and so is a group without rules. Throws
// UserError that names the place, e.g. groups[0].rules[2].
ExprPtr FromJson(const nlohmann::json& json);

// The JSON that a rule or a definition may be written in instead of text. Throws UserError that names `what`
// it is: 22P02 where it is no JSON, or holds a number beyond double precision, 54000 where it is nested too
// deeply.
nlohmann::json ReadJson(const std::string& text, const std::string& what, const std::string& hint);

}  // namespace pulse::rule
