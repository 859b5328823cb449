// Rule text → tree.
#pragma once

#include <string_view>

#include "pulse/rule/ast.hpp"

namespace pulse::rule {

// Parse a rule or any expression of the rule language. Throws UserError with the position and what was
// expected there.
ExprPtr Parse(std::string_view text);

// The same for a text that Pulse has printed and stored, which may also hold static_segment(42).
ExprPtr ParseStored(std::string_view text);

// Parse text that must be one reference or function call, such as `lower(profile.plan)`. `of_element`: names
// are properties of an element.
ExprPtr ParseField(std::string_view text, bool of_element = false);

}  // namespace pulse::rule
