// Locks on whole tables of Pulse, until the end of the transaction.
#pragma once

#include "pulse/pg/error.hpp"

namespace pulse::pg {

enum class TableLock { kShared, kExclusive };

// Shared: others can hold it shared, too (ROW SHARE). Exclusive: others can hold neither, but can read
// (EXCLUSIVE). Waits up to the session's lock_timeout.
void LockTable(const char* table, TableLock lock);

}  // namespace pulse::pg
