// How syncs run: in the worker of the job, or those without a network in a session. For entry code of this
// room.
#pragma once

#include "pulse/base/run_result.hpp"

namespace pulse::audience {

// Until there has been nothing to do for a while.
RunResult RunSyncWorker();
// In the caller's transaction; needs an open pg::Session as pg::Identity::Owner(). Returns the number of
// syncs that have ended.
int64_t RunSyncsHere();

}  // namespace pulse::audience
