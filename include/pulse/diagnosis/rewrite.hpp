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

// The definition with the column's new name wherever it is used, and without the attribute; empty when that
// cannot be expressed.
std::optional<nlohmann::json> WithColumnRenamed(const nlohmann::json& definition, const std::string& from,
                                                const std::string& to);
std::optional<nlohmann::json> WithoutAttribute(const nlohmann::json& definition, const std::string& name);

// The top-level clauses of a definition's rule, canonical; none when it has no rule.
std::vector<std::string> ClausesOf(const nlohmann::json& definition);

}  // namespace pulse::diagnosis
