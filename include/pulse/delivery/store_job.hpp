// The job that sends messages.
#pragma once

#include "pulse/pg/job_kind.hpp"

namespace pulse::delivery {

extern const pg::JobKind kDeliveryJob;

}  // namespace pulse::delivery
