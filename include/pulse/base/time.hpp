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

// Read an ISO 8601 date or timestamp of the years 1 to 9999: 2011-03-01, 2011-03-01 06:00,
// 2011-03-01T06:00:00.5+01:00, …Z. Without an offset it is UTC. Empty if it is anything else.
std::optional<Moment> ParseMoment(std::string_view text);

}  // namespace pulse
