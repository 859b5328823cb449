// Rewrites definitions for recommendations: sub-segments, mapped values. Pure C++.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "pulse/diagnosis/input.hpp"

namespace pulse::diagnosis {

// Rule text `attribute = value` or `attribute in […]` with literals of the column's type; empty when
// the values cannot be written in it.
std::optional<std::string> ValueRule(const DiagnosisInput& input, const std::string& attribute,
                                     const std::vector<std::string>& values);

// Add `rule` to the definition as a condition; empty when that cannot be expressed.
std::optional<nlohmann::json> Narrowed(const nlohmann::json& definition, const std::string& rule);

// Add `replacements` wherever the definition's rule compares `attribute` with one of `values` by = or in;
// empty when it does so nowhere.
std::optional<nlohmann::json> Mapped(const nlohmann::json& definition, const std::string& attribute,
                                     const std::vector<std::string>& values,
                                     const std::vector<std::string>& replacements);

// The definition with the column's new name wherever it is used; empty when that cannot be expressed.
std::optional<nlohmann::json> WithColumnRenamed(const nlohmann::json& definition, const std::string& from,
                                                const std::string& to);
// The definition without what its newest snapshot could not measure: "attribute region", "converted" …; empty
// when it has none of it.
std::optional<nlohmann::json> WithoutParts(const nlohmann::json& definition,
                                           const std::vector<std::string>& parts);

// The baseline with the new name of a critical attribute, and without those that the definition does not
// measure.
nlohmann::json WithAttributeRenamed(const nlohmann::json& baseline, const std::string& from,
                                    const std::string& to);
nlohmann::json WithoutUnmeasured(const nlohmann::json& baseline, const nlohmann::json& definition);

// Whether the column decides who is a member: the rule or the key reads it.
bool Decides(const nlohmann::json& definition, const std::string& column);

// The top-level clauses of a definition's rule, canonical; none when it has no rule.
std::vector<std::string> ClausesOf(const nlohmann::json& definition);

}  // namespace pulse::diagnosis
