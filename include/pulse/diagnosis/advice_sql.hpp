// The SQL of recommendations. Every text is complete: names and literals are quoted, and calls contain the
// JSON they need. Pure C++.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "pulse/diagnosis/input.hpp"

namespace pulse::diagnosis {

class AdviceSql {
  public:
    explicit AdviceSql(const DiagnosisInput& input) : input_(input) {}

    // The segment's name as a literal, and a call of one of Pulse's functions.
    std::string Segment() const;
    std::string Verb(const std::string& call) const;
    std::string Jsonb(const nlohmann::json& value) const;

    bool OfPeople() const;
    // What the segment reads from: the commonest values of a column, how many are filled, how many have some
    // values, or meet all conditions. Empty if there is no such column.
    std::string ShowValues(const std::string& column) const;
    std::string ShowFilled(const std::string& column) const;
    std::string ShowValue(const std::string& column, const std::vector<std::string>& values) const;
    std::string ShowCombination(const std::vector<Condition>& conditions) const;

    // Replaces the definition; attributes that it no longer measures are not critical any more.
    std::string UpdateDefinition(const nlohmann::json& definition) const;
    std::string UpdateDefinition(const nlohmann::json& definition, const nlohmann::json& expectations) const;
    std::string UpdateBaseline(const nlohmann::json& baseline) const;
    std::string NewNormal() const;

  private:
    // Whether what the segment reads from has it. Of people these are the attributes that are measured, and
    // neither traits nor events.
    bool IsColumn(const std::string& name) const;
    std::string Counted() const;

    const DiagnosisInput& input_;
};

}  // namespace pulse::diagnosis
