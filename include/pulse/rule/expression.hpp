// The operators and functions of the language over compiled values. Pure C++; used by the compiler only.
#pragma once

#include <string>
#include <vector>

#include "pulse/rule/compiled_value.hpp"

namespace pulse::rule {

// Values that an expression makes. `sql` is complete in itself: parenthesised, or a single term.
CompiledValue BooleanOf(std::string sql, const Expr& expr);
CompiledValue TextOf(std::string sql, const Expr& expr);
CompiledValue NumberOf(std::string sql, const char* sql_type, const Expr& expr, Size size);

// An argument as text or as numeric, or UserError 42804.
std::string RequireText(const CompiledValue& value, const Expr& expr);
std::string RequireNumber(const CompiledValue& value, const Expr& expr);
[[noreturn]] void WrongArgument(const CompiledValue& value, const char* wanted, const Expr& expr);

// =, !=, <, <=, >, >= as SQL.
std::string Compare(const CompiledValue& left, Op op, const CompiledValue& right, const Expr& expr);
// ALL for contains_all, else ANY.
const char* Every(Op op);
// The type of the elements of an array.
ValueType ElementType(const CompiledValue& list);
// A literal as an element of an array.
std::string ElementOf(const CompiledValue& list, const CompiledValue& item, const Expr& expr);
// Whether an array has a literal among its elements.
CompiledValue ListContains(const CompiledValue& list, const CompiledValue& item, const Expr& expr);
// contains, starts_with and ends_with; upper and lower case alike.
CompiledValue PartOfText(Op op, const CompiledValue& left, const CompiledValue& right, const Expr& expr);
// Whether any (or all) of some texts are part of a text, as contains.
CompiledValue PartsOfText(Op op, const CompiledValue& whole, const std::vector<CompiledValue>& literals,
                          const Expr& expr);
CompiledValue Matches(const CompiledValue& left, const CompiledValue& right, const Expr& expr);
// The first value that is not null or, with a condition, the first of two where it is true, else the second.
// All of one type; numbers of different types meet as numeric.
CompiledValue Choice(std::vector<CompiledValue> values, const std::string& condition, const Expr& expr);
CompiledValue Round(const Call& node, const CompiledValue& value, const Expr& expr);
// + - * / % of numbers. In numeric throughout: sums of integers do not overflow, 1 / 2 is 0.5, and dividing
// by a zero in the data gives null. Throws UserError if the numbers of people could make it overflow.
CompiledValue Arithmetic(Op op, const CompiledValue& left, const CompiledValue& right, const Expr& expr);
// instant ± duration, duration ± duration, instant - instant.
CompiledValue TimeArithmetic(Op op, const CompiledValue& left, const CompiledValue& right, const Expr& expr);

}  // namespace pulse::rule
