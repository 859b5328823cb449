// What a rule needs when it goes to another database. Pure C++.
#pragma once

#include "pulse/base/definition_kind.hpp"
#include "pulse/rule/ast.hpp"

namespace pulse::rule {

// Add the traits, segments and settings (rfm, lifecycle) that the rule names.
void AddUses(const Expr& rule, std::vector<DefinitionUse>& uses);
// The same for a text; one that is no rule adds nothing, because writing the definition will tell.
void AddUses(const std::string& rule, std::vector<DefinitionUse>& uses);

}  // namespace pulse::rule
