// This room computes from what others hold, and stores definitions alone.
#include "pulse/profile/personal_data.hpp"

namespace pulse::insight {

namespace {

[[maybe_unused]] const bool without_personal_data =
    profile::RegisterWithoutPersonalData("insight", {{"event_check", "Checks of events by name."},
                                                     {"event_quality_setting", "Settings."},
                                                     {"funnel", "Definitions."},
                                                     {"funnel_version", "Definitions."},
                                                     {"funnel_monitor", "Definitions."},
                                                     {"lifecycle_version", "Settings."},
                                                     {"rfm_version", "Settings."}});

}  // namespace

}  // namespace pulse::insight
