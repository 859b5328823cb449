// The job that lets a language model look into incidents.
#pragma once

#include "pulse/pg/job_kind.hpp"

namespace pulse::diagnosis {

extern const pg::JobKind kInvestigationsJob;

}  // namespace pulse::diagnosis
