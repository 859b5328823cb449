// The job activity. For entry code of this room.
#pragma once

namespace pulse::profile {

// Tell the job, when the transaction commits, that there is activity to add to pulse.activity: after the
// first row was written.
void WakeActivityJob();

}  // namespace pulse::profile
