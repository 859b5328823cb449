// What the snapshots leave open and the source can still tell: the values of people whom a clause turned
// away, and how many members have the lost (or gained) values of several attributes together. Pure C++: entry
// code asks, the diagnosis reads the answers.
#pragma once

#include "pulse/diagnosis/input.hpp"

namespace pulse::diagnosis {

// The clauses of an unchanged rule that turn away many more people than before and name values of one column.
std::vector<ClauseValues> ClausesToAsk(const DiagnosisInput& input);

// The values of each attribute in which the change is concentrated; empty unless several attributes show it.
std::vector<Condition> ConditionsToAsk(const DiagnosisInput& input);

// Whether an error says that a table, column or type is not as the definition expects it.
bool IsSchemaError(const std::string& state);

// Whether the columns of today tell why the segment cannot be measured.
bool AsksForColumns(const DiagnosisInput& input);

}  // namespace pulse::diagnosis
