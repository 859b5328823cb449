// Describes the changes between two versions of a definition. Pure C++.
#pragma once

#include <string>

#include "pulse/segment/request.hpp"

namespace pulse::segment {

// One version of a definition, with the rights it runs with.
struct DefinitionVersion {
    Request request;
    std::string runs_as;
    std::string search_path;
};

// Describe the changes, e.g. `where: "ltv > 1000" → "ltv > 2000"; attribute country added`; empty if nothing
// changed.
std::string DiffDefinitions(const DefinitionVersion& before, const DefinitionVersion& after);

}  // namespace pulse::segment
