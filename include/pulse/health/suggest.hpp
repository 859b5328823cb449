// Suggests checks for a table from its catalog and statistics. Pure C++.
#pragma once

#include <string>
#include <vector>

#include "pulse/health/measure.hpp"

namespace pulse::health {

struct Suggestion {
    Json check;
    std::string reason;
};

// The most useful first; never empty.
std::vector<Suggestion> Suggest(const TableFacts& facts, const ReadLimits& limits);

}  // namespace pulse::health
