#include "pulse/pg/tuple_xmin.hpp"

extern "C" {
#include "access/transam.h"
#include "access/xact.h"
#include "utils/snapmgr.h"
}

namespace pulse::pg {

namespace {

// The epoch of a transaction id of which at most 2^31 transactions are before or after the next one.
uint64_t WithEpoch(TransactionId id) {
    const FullTransactionId next = Call([] { return ReadNextFullTransactionId(); });
    return U64FromFullTransactionId(next) - static_cast<uint64_t>(static_cast<int64_t>(
                                                static_cast<int32_t>(XidFromFullTransactionId(next) - id)));
}

}  // namespace

TupleXmin::TupleXmin(TransactionId xmin) {
    const Snapshot snapshot = GetActiveSnapshot();
    command_ = snapshot->curcid;
    // Frozen rows keep their xmin, which is meaningless then: after wraparound it can look like a future one.
    if (!TransactionIdIsNormal(xmin)) return;
    if (TransactionIdPrecedes(xmin, TransactionXmin) || !TransactionIdPrecedes(xmin, snapshot->xmax)) {
        if (!TransactionIdIsCurrentTransactionId(xmin)) return;
    }
    xmin_ = WithEpoch(xmin);
}

bool TupleXmin::IsVisible() const {
    if (xmin_ == 0) return true;
    // Older than all snapshots of this process: it needs no look again.
    if (xmin_ < WithEpoch(TransactionXmin)) {
        xmin_ = 0;
        return true;
    }
    const Snapshot snapshot = GetActiveSnapshot();
    const auto xmin = static_cast<TransactionId>(xmin_);
    return Call([&] {
        if (TransactionIdIsCurrentTransactionId(xmin)) return snapshot->curcid >= command_;
        return !XidInMVCCSnapshot(xmin, snapshot);
    });
}

}  // namespace pulse::pg
