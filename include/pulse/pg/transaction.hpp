// Transactions of a background worker, outside any user's statement.
#pragma once

#include "pulse/pg/error.hpp"

namespace pulse::pg {

// Begins at construction with a snapshot; Commit() keeps the work, destruction without it rolls everything
// back, and only then may a caught pg::Error be swallowed. Open a Session inside it, not around it.
class Transaction {
  public:
    // pg_stat_activity shows `what`, a string literal.
    explicit Transaction(const char* what);
    ~Transaction();
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;

    void Commit();

  private:
    MemoryContext context_;
    bool open_ = true;
};

// Whether a transaction is open.
bool InTransaction();

// Whether the transaction cannot write: it is read-only, or belongs to a parallel worker.
bool ReadOnly();

// Whether the transaction has changed anything, or locked a row.
bool HasWritten();

// Whether this server is a standby, where locks stronger than ROW EXCLUSIVE are not available.
bool OnStandby();

// Whether a subtransaction is open, for example after SAVEPOINT.
bool InSubtransaction();

// Whether this process is a background worker.
bool InBackgroundWorker();

// Call `callback` at the end of every transaction. It must not throw. A prepared transaction has not
// committed yet.
void WhenTransactionEnds(void (*callback)(bool committed));

// Call `callback` when the process ends. It must not throw.
void WhenProcessExits(void (*callback)());

}  // namespace pulse::pg
