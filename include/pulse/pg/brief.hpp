// What a worker that stays does of its work on the database: one short transaction after the other.
#pragma once

#include "pulse/pg/error.hpp"

namespace pulse::pg {

enum class Brief {
    kDone,
    kGone,  // the extension is not there any more, or of another version
    kBusy,  // somebody else's lock was in the way, or a deadlock: nothing has happened, to be tried again in
            // a moment
};

// One transaction as the extension's owner, with a Session. `what` shows in pg_stat_activity. Other errors go
// on.
Brief RunBriefly(const char* what, const std::function<void()>& body);

}  // namespace pulse::pg
