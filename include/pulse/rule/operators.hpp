// The words and signs of the rule language: one table for the parser, JSON rules and the printer. Pure C++.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "pulse/rule/ast.hpp"

namespace pulse::rule {

// What an operator word means: an operation, or its negation.
struct Operator {
    Op op;
    bool negated = false;
};

// Find a comparison sign, e.g. "<=" or "<>".
std::optional<Operator> FindSign(std::string_view sign);
// Find a word operator that rule text allows after a value, e.g. "contains" or "not_in". Any case.
std::optional<Operator> FindWord(std::string_view word);
// Find an operator of a JSON rule: the signs and words above and their synonyms, e.g. "greater_than".
std::optional<Operator> FindJsonOperator(std::string_view name);

// The canonical spelling of a binary or n-ary operator, e.g. "&&", "within last".
const char* Spelling(Op op);
// Whether its right side is a list of literals in brackets.
bool TakesList(Op op);
// "lower", "now", …
const char* Name(Function function);
std::optional<Function> FindFunction(std::string_view name);
// Whether its value changes with the clock.
bool DependsOnNow(Function function);
// Whether a function can have that many arguments.
bool TakesArguments(Function function, size_t count);

// Whether a bare name would be read as something else, so that it must be quoted.
bool IsReserved(std::string_view name);

bool EqualsIgnoringCase(std::string_view a, std::string_view b);

// The sentences that list what is valid.
extern const char* const kOperatorHint;
extern const char* const kJsonOperatorHint;
extern const char* const kValueHint;
extern const char* const kFunctionHint;
extern const char* const kElementsHint;

}  // namespace pulse::rule
