// Other people's words on their way into a message: valid UTF-8, no tricks of direction or invisibility,
// within limits, and text in every format. Pure C++.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "pulse/base/time.hpp"

namespace pulse::delivery {

// One line of valid UTF-8 of at most `limit` characters: bytes that are none become U+FFFD, line breaks and
// control characters one blank; characters that turn the direction or cannot be seen go away. What is cut
// ends in "…".
std::string Clean(std::string_view text, size_t limit);
// The same, but line breaks and tabs stay: for SQL.
std::string CleanLines(std::string_view text, size_t limit);

// Length as JavaScript and most APIs count it, in UTF-16 units; the text is valid UTF-8.
size_t Units(std::string_view text);

// The beginning of valid UTF-8 that has at most `limit` units, "…" included when it is cut.
std::string Cut(std::string_view text, size_t limit);

// Text for Slack, whose entities count in its limits: & < > escaped, nothing cut in two.
std::string SlackText(std::string_view text, size_t limit);

// Text for HTML, also inside a quoted attribute.
std::string Html(std::string_view text);

// Text for the Markdown of Adaptive Cards: what could format is escaped.
std::string CardText(std::string_view text, size_t limit);

// 2026-03-01T06:00:00.000Z, and "2026-03-01 06:00 UTC", and seconds since 1970.
std::string IsoTime(Moment moment);
std::string PlainTime(Moment moment);
int64_t UnixTime(Moment moment);

}  // namespace pulse::delivery
