// Which checks fit a table, by what its catalog and statistics say, and why. Pure C++.
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
