#include "pulse/pg/xact_status.hpp"

extern "C" {
#include "access/transam.h"
}

namespace pulse::pg {

uint32_t CurrentTransactionId() {
    return Call([] { return GetTopTransactionId(); });
}

bool IsCommittedOrCurrent(uint32_t transaction) {
    return Call([&] {
        return TransactionIdIsValid(transaction) &&
               (transaction == GetTopTransactionIdIfAny() || TransactionIdDidCommit(transaction));
    });
}

}  // namespace pulse::pg
