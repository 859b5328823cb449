// What the gate says. Pure C++.
#pragma once

#include <cstdint>

#include "pulse/base/time.hpp"

namespace pulse::trust {

enum class Verdict : uint8_t { kPass, kHold, kBlock };  // from the mildest to the strictest
const char* Name(Verdict verdict);

// How old a decision may be when the work is carried out, in microseconds; an older one is taken again.
inline constexpr int64_t kDecisionLife = 5 * kMinute;

}  // namespace pulse::trust
