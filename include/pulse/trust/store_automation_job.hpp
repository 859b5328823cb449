// The work of the job automations.
#pragma once

#include "pulse/base/run_result.hpp"

namespace pulse::trust {

// Causes and actions: in a worker in transactions of its own, else in the caller's.
RunResult RunAutomations(bool in_worker);
// Only the actions, in the caller's transaction.
RunResult RunActions();

}  // namespace pulse::trust
