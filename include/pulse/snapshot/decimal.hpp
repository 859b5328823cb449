// PostgreSQL's numeric, as it lies in a row, to the nearest double: what numeric::float8 gives, without its
// detour over text. Pure C++.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace pulse::snapshot {

// Any numeric. `bytes` follow the varlena header. Beyond the range of a double the result is infinite or 0.
double DecodeAnyNumeric(const char* bytes, size_t size);

// The same; most numbers have a short header and at most twelve digits.
inline double DecodeNumeric(const char* bytes, size_t size) {
    constexpr uint16_t kForm = 0xC000, kShort = 0x8000, kNegative = 0x2000;
    static constexpr double kPowers[] = {1e0, 1e4, 1e8, 1e12};
    uint16_t words[4];
    if (size < 4 || size > sizeof words) return DecodeAnyNumeric(bytes, size);
    std::memcpy(words, bytes, 4);
    // All weights but 0 to 2 are left to the general way, so both factors are exact.
    const unsigned weight = words[0] & 0x7F;
    if ((words[0] & kForm) != kShort || weight > 2) return DecodeAnyNumeric(bytes, size);
    uint64_t integer = words[1];
    const unsigned count = static_cast<unsigned>(size / 2) - 1;
    for (unsigned i = 2; i <= count; ++i) {
        std::memcpy(&words[i], bytes + 2 * i, 2);
        integer = integer * 10000 + words[i];
    }
    const double value = count > weight ? static_cast<double>(integer) / kPowers[count - weight - 1]
                                        : static_cast<double>(integer) * kPowers[weight - count + 1];
    return words[0] & kNegative ? -value : value;
}

}  // namespace pulse::snapshot
