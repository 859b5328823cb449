// How figures, names and sentences are written, everywhere in a diagnosis. Plain ASCII around the user's own
// words.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pulse/base/number.hpp"

namespace pulse::diagnosis {

using pulse::Thousands;

// 0.4196 → "42 %"; below 10 % one decimal: 0.0312 → "3.1 %"; next to nothing: "under 0.1 %".
std::string Percent(double share);

// With a sign: "+42 %", "-3.1 %".
std::string SignedPercent(double share);

// A figure of a numeric attribute, at most 6 significant digits: 12000, 0.25.
std::string Figure(double number);

// The user's own words, cut to `limit` bytes at a character's border, line breaks and control characters as
// blanks.
std::string Short(std::string_view text, size_t limit = 60);

// A value of the user's data, cut; in quotes when it begins or ends with a blank, or is empty.
std::string ShortValue(std::string_view value);
std::vector<std::string> ShortValues(const std::vector<std::string>& values);

// {"a", "b", "c"} → "a, b and c"; more than `limit` end in "and N more".
std::string Listed(const std::vector<std::string>& words, size_t limit = 3);

// "Sentence" from "sentence".
std::string Capitalized(std::string text);

// A summary as a sentence; a name at its beginning, as app.orders, stays as it is.
std::string AsSentence(const std::string& summary);

// Break into lines of at most `width` bytes at blanks; the first line begins with `first`, the others with
// `indent`.
std::vector<std::string> Wrap(const std::string& text, size_t width, const std::string& first,
                              const std::string& indent);

// The same for SQL: never breaks inside quotes, and JSON between $json$ marks only between its members.
std::vector<std::string> WrapSql(const std::string& sql, size_t width, const std::string& indent);

}  // namespace pulse::diagnosis
