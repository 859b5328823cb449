// PostgreSQL's intervals as lengths of time.
#pragma once

#include <cstdint>

#include "pulse/base/time.hpp"
#include "pulse/pg/convert.hpp"

namespace pulse::pg {

inline constexpr int64_t kLongestInterval = 100 * 366 * kDay;

// The microseconds of an interval, at most kLongestInterval in either direction. A month counts 30 days, as
// where PostgreSQL compares intervals.
int64_t IntervalLength(Datum interval);

// The same for an argument; throws UserError if it is longer.
int64_t IntervalArgument(Datum interval);

// The same for the argument "keep", which must not be null or negative; else throws UserError with this hint.
int64_t KeepArgument(const Args& args, int i, const char* hint);

// The end of a period that begins now; empty if the argument is null.
std::optional<Moment> AfterInterval(const Args& args, int i);

// The same, written as an interval or as a timestamp.
std::optional<Moment> ParseUntil(const std::optional<std::string>& text);

}  // namespace pulse::pg
