#include "pulse/snapshot/decimal.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

namespace pulse::snapshot {

namespace {

// The format (src/backend/utils/adt/numeric.c): 16 bits of sign and scale; in the long form 16 bits of weight
// follow, in the short form they are part of the header. Then come digits to base 10000, the first times
// 10000^weight.
constexpr uint16_t kFormMask = 0xC000, kFormShort = 0x8000, kFormSpecial = 0xC000, kLongNegative = 0x4000;
constexpr uint16_t kSpecialMask = 0xF000, kPlusInfinity = 0xD000, kMinusInfinity = 0xF000;
constexpr uint16_t kShortNegative = 0x2000, kShortWeightNegative = 0x0040, kShortWeightMask = 0x003F;

uint16_t Word(const char* bytes) {
    uint16_t word;
    std::memcpy(&word, bytes, sizeof word);
    return word;
}

double Special(uint16_t header) {
    if ((header & kSpecialMask) == kPlusInfinity) return std::numeric_limits<double>::infinity();
    if ((header & kSpecialMask) == kMinusInfinity) return -std::numeric_limits<double>::infinity();
    return std::numeric_limits<double>::quiet_NaN();
}

// Any length, correctly rounded.
double FromDigits(const char* digits, int count, int exponent) {
    // No more digits than this can change the rounding, but for their being not all zero.
    constexpr int kMaxGroups = 200;
    char text[4 * kMaxGroups + 32];
    char* end = text;
    const int used = std::min(count, kMaxGroups);
    for (int i = 0; i < used; ++i) {
        const uint16_t group = Word(digits + 2 * i);
        for (int divisor = 1000; divisor > 0; divisor /= 10)
            *end++ = static_cast<char>('0' + group / divisor % 10);
    }
    if (used < count) {
        exponent += 4 * (count - used) - 1;
        *end++ = '1';
    }
    *end++ = 'e';
    end = std::to_chars(end, text + sizeof text, exponent).ptr;
    double value = 0;
    if (std::from_chars(text, end, value).ec == std::errc::result_out_of_range)
        return exponent > 0 ? std::numeric_limits<double>::infinity() : 0;
    return value;
}

}  // namespace

double DecodeAnyNumeric(const char* bytes, size_t size) {
    if (size < sizeof(uint16_t)) return std::numeric_limits<double>::quiet_NaN();
    const uint16_t header = Word(bytes);
    if ((header & kFormMask) == kFormSpecial) return Special(header);
    const bool short_form = (header & kFormMask) == kFormShort;
    const size_t start = short_form ? 2 : 4;
    if (size <= start) return 0;
    const bool negative = short_form ? (header & kShortNegative) != 0 : (header & kFormMask) == kLongNegative;
    int weight = static_cast<int16_t>(Word(bytes + 2));
    if (short_form)
        weight = (header & kShortWeightMask) - (header & kShortWeightNegative ? kShortWeightNegative : 0);

    const char* digits = bytes + start;
    const int count = static_cast<int>((size - start) / 2);
    const int exponent = 4 * (weight - count + 1);
    constexpr int kExactGroups = 4, kExactPower = 22;
    constexpr uint64_t kExactInteger = uint64_t{1} << 53;
    constexpr double kPowers[kExactPower + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                 1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    double value;
    uint64_t integer = 0;
    for (int i = 0; i < std::min(count, kExactGroups); ++i) integer = integer * 10000 + Word(digits + 2 * i);
    // Both factors are exact doubles, so the one operation rounds correctly (Clinger 1990).
    if (count <= kExactGroups && integer <= kExactInteger && std::abs(exponent) <= kExactPower)
        value = exponent < 0 ? static_cast<double>(integer) / kPowers[-exponent]
                             : static_cast<double>(integer) * kPowers[exponent];
    else
        value = FromDigits(digits, count, exponent);
    return negative ? -value : value;
}

}  // namespace pulse::snapshot
