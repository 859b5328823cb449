// The error for an id that no incident has. Pure C++.
#pragma once

#include <cstdint>
#include <string>

#include "pulse/base/error.hpp"

namespace pulse::drift {

[[noreturn]] inline void ThrowUnknownIncident(int64_t id) {
    throw UserError(sqlstate::kUndefinedObject, "incident " + std::to_string(id) + " does not exist", "",
                    "The view pulse.incident lists incidents; pulse_check_drift() finds them.");
}

}  // namespace pulse::drift
