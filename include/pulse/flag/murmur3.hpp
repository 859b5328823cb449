// The hash used for bucketing. Pure C++.
#pragma once

#include <cstdint>
#include <string_view>

namespace pulse::flag {

// MurmurHash3_x86_32 (Austin Appleby, public domain), the same on every machine.
uint32_t Murmur3(std::string_view bytes, uint32_t seed = 0);

}  // namespace pulse::flag
