// What changed between two versions of a definition, in words. Pure C++.
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

// Say what changed, e.g. `where: "ltv > 1000" → "ltv > 2000"; attribute country added`; or nothing.
std::string DiffDefinitions(const DefinitionVersion& before, const DefinitionVersion& after);

}  // namespace pulse::segment
