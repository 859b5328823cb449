#include "pulse/pg/outcome.hpp"

extern "C" {
#include "access/transam.h"
}

namespace pulse::pg {

uint32_t CurrentTransaction() {
    return Call([] { return GetTopTransactionId(); });
}

bool CommittedOrCurrent(uint32_t transaction) {
    return Call([&] {
        return TransactionIdIsValid(transaction) &&
               (transaction == GetTopTransactionIdIfAny() || TransactionIdDidCommit(transaction));
    });
}

}  // namespace pulse::pg
