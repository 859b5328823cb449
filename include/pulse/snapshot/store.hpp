// The room's tables. For entry code of this room; every call needs an open pg::Session as pg::Identity::Owner().
#pragma once

#include "pulse/pg/convert.hpp"
#include "pulse/snapshot/distribution.hpp"

namespace pulse::snapshot {

// ---- store_distribution.cpp ----

void WriteDistributions(int64_t snapshot, const std::vector<Distribution>& distributions);

// By attribute.
std::vector<Distribution> ReadDistributions(int64_t snapshot);

// ---- store_import.cpp ----

// A snapshot that was measured elsewhere.
struct Import {
    std::string segment;
    Moment taken_at = 0;
    int64_t size = 0;
    std::optional<int64_t> converted, inactive, entered, exited;
    std::vector<Distribution> distributions;
};

// Keeps it and returns its id. The same import again returns the same id; another one at the same moment is refused, or
// takes the place of the first when `replace` is true.
int64_t KeepImport(const Import& import, bool replace);

}  // namespace pulse::snapshot
