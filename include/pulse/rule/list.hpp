// Lists of literals: in, contains_any, contains_all, and equality. Pure C++; used by the compiler only.
#pragma once

#include <vector>

#include "pulse/rule/compiled_value.hpp"

namespace pulse::rule {

// Whether any (or all) of the literals are in a list or a part of a text.
CompiledValue ContainsEach(Op op, const CompiledValue& value, std::vector<CompiledValue> literals,
                           const Expr& expr);
// One of them, as contains.
CompiledValue Contains(const CompiledValue& value, const CompiledValue& item, const Expr& expr);
// The literals as JSON.
CompiledValue ListValue(const std::vector<CompiledValue>& literals, const Expr& expr);
// Whether a value is the list of the literals, in their order.
CompiledValue EqualsList(Op op, const CompiledValue& value, const std::vector<CompiledValue>& literals,
                         const Expr& expr);
// Whether a condition is true for any (or for all) elements of a list: unknown as for || (or &&), and for
// what is not a list.
CompiledValue ForElements(bool all, const CompiledValue& list, const Expr& condition, const Expr& expr);
// Whether an address is in one of the networks.
CompiledValue InNetworks(const CompiledValue& address, const std::vector<CompiledValue>& networks,
                         const Expr& expr);

}  // namespace pulse::rule
