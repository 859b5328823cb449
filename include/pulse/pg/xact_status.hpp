// The status of transactions, by their id.
#pragma once

#include "pulse/pg/error.hpp"

namespace pulse::pg {

// The id of the open top-level transaction; assigns one if it has none.
uint32_t CurrentTransactionId();
// Whether the transaction has committed, or is the one that is open.
bool IsCommittedOrCurrent(uint32_t transaction);

}  // namespace pulse::pg
