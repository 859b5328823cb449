// Locks on whole tables of Pulse, until the end of the transaction.
#pragma once

#include "pulse/pg/error.hpp"

namespace pulse::pg {

enum class TableLock { kReading, kShared, kWriting, kExclusive, kDropping };

// Reading: what SELECT takes (ACCESS SHARE). Shared: others can hold it shared, too (ROW SHARE). Writing:
// what INSERT takes (ROW EXCLUSIVE); while it is held, no partition is detached. Exclusive: others can hold
// none of these, but can read (EXCLUSIVE), and the transaction cannot be prepared. Dropping: what DROP takes
// (ACCESS EXCLUSIVE). Waits up to the session's lock_timeout.
void LockTable(const char* table, TableLock lock);

// The same for a lock that conflicts with those of everybody who works: it holds up nobody for longer than
// their transactions take, and succeeds however many there are. False if a transaction stays open for longer
// than pulse.lock_timeout.
bool LockBusyTable(const char* table, TableLock lock);

}  // namespace pulse::pg
