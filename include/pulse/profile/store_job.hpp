// The job activity. For entry code of this room.
#pragma once

namespace pulse::profile {

// Tell the job, when the transaction commits, that there is activity to add to pulse.activity. A process says
// it once a minute at most.
void WakeActivityJob();

}  // namespace pulse::profile
