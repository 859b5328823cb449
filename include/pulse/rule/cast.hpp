// Casts: number(x), semver(x), inet(x), ignore_case(x) and type(x) name the type by which a value is
// compared. A literal beside it is read as that type when the rule is defined; data that is not of it has no
// value. Pure C++; used by the compiler only.
#pragma once

#include "pulse/rule/compiled_value.hpp"

namespace pulse::rule {

// `pulse`: the SQL may call functions of schema pulse.
CompiledValue Cast(Function function, const CompiledValue& argument, bool pulse, const Expr& expr);

// A value as the other operand of a cast needs it; others as they are. Throws UserError for a literal that is
// not of its type.
CompiledValue Beside(const CompiledValue& value, const CompiledValue& other);

// A value as it is shown: a version as its text.
CompiledValue Shown(const CompiledValue& value);

}  // namespace pulse::rule
