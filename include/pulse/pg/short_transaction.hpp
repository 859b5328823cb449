// Short transactions of long-running workers.
#pragma once

#include "pulse/pg/error.hpp"

namespace pulse::pg {

enum class ShortTransaction {
    kDone,
    kExtensionGone,  // the extension was dropped, or has another version
    kBusy,           // rolled back on a lock timeout or a deadlock: try again in a moment
};

// Runs `body` in one transaction as the extension's owner, with a Session. `what` shows in pg_stat_activity.
// Other errors are rethrown.
ShortTransaction RunShortTransaction(const char* what, const std::function<void()>& body);

}  // namespace pulse::pg
