// Locks on whole tables of Pulse, until the end of the transaction.
#pragma once

#include "pulse/pg/error.hpp"

namespace pulse::pg {

enum class TableLock { kShared, kWriting, kExclusive };

// Shared: others can hold it shared, too (ROW SHARE). Writing: what INSERT takes (ROW EXCLUSIVE); while it is
// held, no partition is detached. Exclusive: others can hold none of these, but can read (EXCLUSIVE), and
// the transaction cannot be prepared. Waits up to the session's lock_timeout.
void LockTable(const char* table, TableLock lock);

// The transactions of others that hold a lock on pulse.`table` for which an exclusive lock would have to
// wait.
std::vector<VirtualTransactionId> HoldersOf(const char* table);
// Wait until a transaction ends, up to the session's lock_timeout. This queues for no lock on a table, so
// others go on taking them.
void WaitForEnd(const VirtualTransactionId& transaction);

}  // namespace pulse::pg
