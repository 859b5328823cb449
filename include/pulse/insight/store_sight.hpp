// Whether the caller may see people. For entry code of this room.
#pragma once

namespace pulse::insight {

// Call it outside of any Identity.
bool CallerSeesPeople();

}  // namespace pulse::insight
