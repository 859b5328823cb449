// The definitions of this database, and making them equal to others.
#pragma once

#include "pulse/cell/difference.hpp"
#include "pulse/pg/convert.hpp"

namespace pulse::cell {

// All of them, also retired ones, whatever the settings of the session. Needs no Session.
Definitions ReadDefinitions();
// Digests of those that are exported.
Digests DigestsOf(const Definitions& definitions);
// One digest over all.
std::string DigestOfAll(const Digests& digests);

// The difference between this database and a document.
std::vector<DifferenceRow> Compare(const Json& document, bool prune);
// Run the calls of all rows as the caller. Throws UserError 42704 if something is missing.
void Apply(const std::vector<DifferenceRow>& rows);

}  // namespace pulse::cell
