#include "pulse/pg/tuple_xmin.hpp"

extern "C" {
#include "access/transam.h"
#include "access/xact.h"
#include "utils/snapmgr.h"
}

namespace pulse::pg {

TupleXmin::TupleXmin(TransactionId xmin) : xmin_(xmin) {
    const Snapshot snapshot = GetActiveSnapshot();
    command_ = snapshot->curcid;
    // Frozen rows keep their xmin, which is meaningless then: after wraparound it can look like a future one.
    if (TransactionIdPrecedes(xmin, TransactionXmin) || !TransactionIdPrecedes(xmin, snapshot->xmax)) {
        if (!TransactionIdIsCurrentTransactionId(xmin)) xmin_ = InvalidTransactionId;
    }
}

bool TupleXmin::IsVisible() const {
    if (!TransactionIdIsNormal(xmin_)) return true;
    return Call([&] {
        const Snapshot snapshot = GetActiveSnapshot();
        if (TransactionIdIsCurrentTransactionId(xmin_)) return snapshot->curcid >= command_;
        return !XidInMVCCSnapshot(xmin_, snapshot);
    });
}

}  // namespace pulse::pg
