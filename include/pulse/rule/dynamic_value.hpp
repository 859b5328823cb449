// Attributes and properties: JSON values whose type is known only at evaluation. Each takes the requested
// type, and is null if it has another one; no conversion can fail. Pure C++; used
// by the compiler only.
#pragma once

#include <string>
#include <vector>

#include "pulse/rule/compiled_value.hpp"

namespace pulse::rule {

// The SQL of a path into a jsonb, from path[from] on.
std::string JsonPath(const std::string& json, const std::vector<std::string>& path, size_t from = 0);

// A dynamic value as text, number, boolean or instant; other values, and for other types, as they are.
CompiledValue AsType(const CompiledValue& value, ValueType type);
// A dynamic value converted to the type of `other`.
CompiledValue AsTypeOf(const CompiledValue& value, const CompiledValue& other, Op op);
// Whether two values are compared as JSON, because only the data tells whether they are times.
bool ComparesAsJson(const CompiledValue& left, Op op, const CompiledValue& right);
// Compares two values as JSON: null unless both have the same type; <, <=, >, >= need numbers, texts or
// times.
std::string CompareJson(const CompiledValue& left, Op op, const CompiledValue& right);
// json in [literals]
std::string JsonIn(const CompiledValue& json, const std::vector<CompiledValue>& items);
// Part of a text, or an element of a list.
CompiledValue JsonContains(const CompiledValue& json, const CompiledValue& item, const Expr& expr);
// The same for any or for all of some literals.
CompiledValue JsonContainsEach(Op op, const CompiledValue& json, const std::vector<CompiledValue>& items,
                               const Expr& expr);
// Characters of a text, or elements of a list.
CompiledValue JsonLength(const CompiledValue& json, const Expr& expr);
// For coalesce and if: all dynamic values in the one type that the others have; unchanged when all are
// dynamic.
void UnifyTypes(std::vector<CompiledValue>& values);

}  // namespace pulse::rule
