// This room holds nothing about people but those who administer Pulse.
#include "pulse/profile/personal_data.hpp"

namespace pulse::worker {

namespace {

[[maybe_unused]] const bool without_personal_data =
    profile::RegisterWithoutPersonalData("worker", {{"job", "Schedules."}, {"job_run", "Results of jobs."}});

}  // namespace

}  // namespace pulse::worker
