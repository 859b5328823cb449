// Whether what was read by one snapshot is seen by another.
#pragma once

#include "pulse/pg/error.hpp"

namespace pulse::pg {

// The transaction that wrote a row version, as of a reading of its column xmin by a LatestSnapshot.
class Writer {
  public:
    Writer() = default;
    // To be made while the snapshot that saw the row is the active one.
    explicit Writer(TransactionId xmin);

    // Whether the active snapshot sees what it wrote. Never true for what it does not see.
    bool Seen() const;

  private:
    TransactionId xmin_ = InvalidTransactionId;  // invalid: all see it
    CommandId command_ = 0;                      // of our own transaction, from which on it does
};

}  // namespace pulse::pg
