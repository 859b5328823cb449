// Whether a row version read by one snapshot is visible to another.
#pragma once

#include "pulse/pg/error.hpp"

namespace pulse::pg {

// The transaction that wrote a row version: its column xmin, read under a LatestSnapshot.
class TupleXmin {
  public:
    TupleXmin() = default;
    // Construct it while the snapshot that saw the row is active.
    explicit TupleXmin(TransactionId xmin);

    // Whether the row version is visible to the active snapshot. Never true for an invisible one.
    bool IsVisible() const;

  private:
    // With its epoch: a transaction id alone means another transaction after wraparound.
    mutable uint64_t xmin_ = 0;  // 0: visible to everybody
    CommandId command_ = 0;      // of this transaction: visible from this command on
};

}  // namespace pulse::pg
