// VACUUM from a background worker.
#pragma once

#include <string>

namespace pulse::pg {

// VACUUM a table of schema pulse, so that what was deleted leaves its file. Outside of any transaction; waits
// for locks. Does nothing if there is no such table any more.
void Vacuum(const std::string& table);

// The same with FREEZE and ANALYZE, as gently as autovacuum by its defaults.
void VacuumFreeze(const std::string& table);

}  // namespace pulse::pg
