// A lock for one piece of work, held until the transaction ends.
#pragma once

#include "pulse/pg/error.hpp"

namespace pulse::pg {

// Takes the lock on row `id` of the table pulse.`table`, or returns false when another session holds it. An object lock, not
// an advisory one: those can be taken, and kept, by anybody who can log in.
bool TryLock(const char* table, int64_t id);

}  // namespace pulse::pg
