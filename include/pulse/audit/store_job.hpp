// The job seal_audit. For entry code of this room.
#pragma once

#include "pulse/pg/job_kind.hpp"

namespace pulse::audit {

extern const pg::JobKind kSealJob;

// ---- worker_seal.cpp: outside any transaction ----

// Seals what waits until there has been nothing to do for a while. Returns the number of rows.
int64_t RunSealWorker();

}  // namespace pulse::audit
