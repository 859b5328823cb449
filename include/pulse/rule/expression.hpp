// The operators and functions of the language over compiled values. Pure C++; used by the compiler only.
#pragma once

#include <string>
#include <vector>

#include "pulse/rule/compiled_value.hpp"

namespace pulse::rule {

// Values that an expression makes. `sql` is complete in itself: parenthesised, or a single term.
Value Truth(std::string sql, const Expr& expr);
Value TextOf(std::string sql, const Expr& expr);
Value NumberOf(std::string sql, const char* sql_type, const Expr& expr);

// An argument as text or as numeric, or UserError 42804.
std::string RequireText(const Value& value, const Expr& expr);
std::string RequireNumber(const Value& value, const Expr& expr);
[[noreturn]] void WrongArgument(const Value& value, const char* wanted, const Expr& expr);

// =, !=, <, <=, >, >= as SQL.
std::string Compare(const Value& left, Op op, const Value& right, const Expr& expr);
// Whether an array has a literal among its elements.
Value ListContains(const Value& list, const Value& item, const Expr& expr);
// contains, starts_with and ends_with; upper and lower case alike.
Value PartOfText(Op op, const Value& left, const Value& right, const Expr& expr);
Value Matches(const Value& left, const Value& right, const Expr& expr);
// The first value that is not null or, with a condition, the first of two where it is true, else the second.
// All of one type; numbers of different types meet as numeric.
Value Choice(std::vector<Value> values, const std::string& condition, const Expr& expr);
Value Round(const Call& node, const Value& value, const Expr& expr);
// + - * / % of numbers. In numeric throughout: sums of integers do not overflow, 1 / 2 is 0.5, and dividing
// by a zero in the data gives null.
Value Arithmetic(Op op, const Value& left, const Value& right, const Expr& expr);
// instant ± duration, duration ± duration, instant - instant.
Value TimeArithmetic(Op op, const Value& left, const Value& right, const Expr& expr);

}  // namespace pulse::rule
