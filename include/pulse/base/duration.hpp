// Lengths of time as people write them: "90s", "2 hours", "1 h 30 min". PostgreSQL reads its own intervals.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pulse {

// Why a text is no duration.
struct DurationError {
    enum class Expected { kNumber, kUnit, kShorter } expected = Expected::kNumber;
    std::string found;  // the word that stands in its place; empty: none does
};

// Read numbers with units, which are added up, in microseconds: "500ms", "1.5min", "1 day 6 h". Units are ms,
// s, min or m, h, d and w, and their English names; their case does not matter. Empty when it is anything
// else, or longer than 1,000 years; `error` says why.
std::optional<int64_t> ParseDuration(std::string_view text, DurationError* error = nullptr);

// Print microseconds in at most two units, rounded: "0 s", "1.2 ms", "250 ms", "1.25 s", "6 h 12 min", "3 d".
std::string FormatDuration(int64_t microseconds);

}  // namespace pulse
