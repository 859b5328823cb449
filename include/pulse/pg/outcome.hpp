// How transactions of this process ended.
#pragma once

#include "pulse/pg/error.hpp"

namespace pulse::pg {

// The number of the transaction that is open, which gets one.
uint32_t CurrentTransaction();
// Whether it has committed, or is the one that is open.
bool CommittedOrCurrent(uint32_t transaction);

}  // namespace pulse::pg
