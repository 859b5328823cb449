// Transactions of a background worker, which has nobody's statement around it.
#pragma once

#include "pulse/pg/error.hpp"

namespace pulse::pg {

// Begins at construction with a snapshot; Commit() keeps the work, destruction without it rolls everything
// back, and only then may a caught pg::Error be swallowed. Open a Session inside it, not around it.
class Transaction {
  public:
    // `what` shows in pg_stat_activity; a string literal.
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

// Whether nothing can be written: the transaction is read-only, or runs in parallel with others of the same
// query.
bool ReadOnly();

// Whether this server is a standby, where no lock stronger than a writer's can be had.
bool OnStandby();

// Call `callback` at the end of every transaction, but not in background workers. It must not throw.
void WhenTransactionEnds(void (*callback)());

// Call `callback` when the process ends. It must not throw.
void WhenProcessExits(void (*callback)());

}  // namespace pulse::pg
