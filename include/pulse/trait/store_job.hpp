// The job that evaluates people.
#pragma once

#include "pulse/pg/job_kind.hpp"

namespace pulse::trait {

extern const pg::JobKind kPipelineJob;

}  // namespace pulse::trait
