// Short transactions of long-running workers.
#pragma once

#include "pulse/pg/error.hpp"

namespace pulse::pg {

enum class ShortTransaction {
    kDone,
    kExtensionGone,  // the extension was dropped, or has another version
    kBusy,           // rolled back because of a lock timeout or a deadlock: retry soon
};

// Run `body` in one transaction as the extension's owner, with a Session. pg_stat_activity shows `what`.
// Other errors are rethrown.
ShortTransaction RunShortTransaction(const char* what, const std::function<void()>& body);

}  // namespace pulse::pg
