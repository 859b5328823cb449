// Locks on whole tables of ours, till the end of the transaction.
#pragma once

#include "pulse/pg/error.hpp"

namespace pulse::pg {

enum class TableLock { kShared, kExclusive };

// Shared: others may hold it shared, too (ROW SHARE). Exclusive: nobody else holds it at all, but everybody
// reads (EXCLUSIVE). Waits as long as lock_timeout of the session says.
void LockTable(const char* table, TableLock lock);

}  // namespace pulse::pg
