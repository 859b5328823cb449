// The settings of PostgreSQL that every definition runs under, here and on a server. Pure.
#pragma once

namespace pulse::source {

struct FixedSetting {
    const char* name;
    const char* value;
};

// What a text means, how a value is written, and which rows a query sees does not depend on the session.
inline constexpr FixedSetting kFixedSettings[] = {
    {"timezone", "UTC"},
    {"datestyle", "ISO, YMD"},
    {"intervalstyle", "postgres"},
    {"extra_float_digits", "1"},
    {"bytea_output", "hex"},
    {"xmlbinary", "base64"},
    {"xmloption", "content"},
    {"standard_conforming_strings", "on"},
    {"backslash_quote", "safe_encoding"},
    {"array_nulls", "on"},
    {"transform_null_equals", "off"},
    {"quote_all_identifiers", "off"},
    {"row_security", "on"},
    {"gin_fuzzy_search_limit", "0"},
};

}  // namespace pulse::source
