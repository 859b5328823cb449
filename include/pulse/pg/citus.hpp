// Pulse's own tables cannot be distributed: below SQL, where pg::Probe and pg::Append work, a table that the
// extension Citus has taken over is an empty shell.
#pragma once

#include <string>
#include <vector>

namespace pulse::pg {

// The tables of schema pulse that Citus keeps elsewhere, by name; mostly none.
std::vector<std::string> DistributedTables();

// Throws UserError 0A000 if there are any. Costs a look at a flag until a relation of the database changes.
void RequireUndistributed();

// The same for the table of a trigger that was just created: Citus gives one to each table it distributes.
void RefuseToDistribute(unsigned trigger);

}  // namespace pulse::pg
