// Rules of this room over one person, compiled once. For entry code of this room.
#pragma once

#include <cstdint>
#include <string_view>

#include "pulse/trait/store_live.hpp"

namespace pulse::insight {

// The rule of a text, by the definitions and settings of the program of that number; valid until the next
// call with another number.
const trait::Rule& CompiledRule(std::string_view text, uint64_t program);

}  // namespace pulse::insight
