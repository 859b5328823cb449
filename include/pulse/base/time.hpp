// Instants and spans as PostgreSQL counts them, for pure code.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pulse {

// Microseconds since 2000-01-01 00:00 UTC: the value inside a timestamptz.
using Moment = int64_t;

inline constexpr int64_t kSecond = 1'000'000;
inline constexpr int64_t kMinute = 60 * kSecond;
inline constexpr int64_t kHour = 60 * kMinute;
inline constexpr int64_t kDay = 24 * kHour;

// Print an instant in UTC with an explicit offset, e.g. 2011-03-01 00:00:00.5+00: valid timestamptz input
// anywhere.
std::string FormatMoment(Moment moment);

// Print the UTC date only, e.g. 2011-03-01.
std::string FormatDate(Moment moment);

// Read a date or a timestamp of the years 1 to 9999 as ISO 8601 and RFC 3339 allow: 2011-03-01,
// 2011-03-01 06:00, 2011-03-01T06:00:00.123456789+01:00, 20110301T060000Z, also in lower case and with UTC or
// GMT at the end. Without an offset it is UTC. Rounded to microseconds; a leap second is the next one. Empty
// if it is anything else.
std::optional<Moment> ParseMoment(std::string_view text);

// Read seconds since 1970 as a decimal number without exponent: an instant of the years 1 to 9999, rounded
// half away from zero to microseconds. Empty if it is anything else.
std::optional<Moment> ParseEpoch(std::string_view seconds);

// The same, but milliseconds from 1e11 on: as seconds that would be the year 5138, as milliseconds it is
// 1973.
std::optional<Moment> ParseUnixTime(std::string_view digits);

// Read a time as senders write it as text: as ParseMoment(), or as ParseUnixTime() with more than eight
// characters, with blanks around it.
std::optional<Moment> ParseTimeText(std::string_view text);

}  // namespace pulse
