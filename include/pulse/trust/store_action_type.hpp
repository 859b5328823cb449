// The actions that the gate knows. For entry code; needs an open pg::Session as pg::Identity::Owner().
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pulse/trust/trust_settings.hpp"

namespace pulse::trust {

struct ActionType {
    std::string name;
    Risk risk = Risk::kHigh;
    std::optional<std::string> description;
    bool built_in = false;
};

// Built-in ones, and those that were added or changed; by name.
std::vector<ActionType> ActionTypes();
// Empty if the gate does not know it.
std::optional<Risk> FindRisk(const std::string& action);

void SetActionType(const std::string& name, Risk risk, const std::optional<std::string>& description,
                   const std::string& actor);
void DeleteActionType(const std::string& name);

}  // namespace pulse::trust
