// Tree → canonical text: one spelling per meaning, no superfluous parentheses. It is what is shown, stored
// and compared.
#pragma once

#include <string>
#include <string_view>

#include "pulse/rule/ast.hpp"

namespace pulse::rule {

// Print canonical text; parsing it gives a tree that prints the same.
std::string Print(const Expr& expr);

// Print at most about `limit` bytes, for use in a message.
std::string PrintShort(const Expr& expr, size_t limit = 80);

// Refuse a tree whose canonical text is longer than a rule may be: what is stored can always be read again.
void RequireSize(const Expr& expr);

// Print a name as a reference: bare, or in backticks when it needs them.
std::string PrintName(std::string_view name);

}  // namespace pulse::rule
