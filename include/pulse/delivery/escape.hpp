// Text from users in messages: valid UTF-8 without direction marks and invisible characters, within limits,
// and escaped for every format. Pure C++.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "pulse/base/time.hpp"

namespace pulse::delivery {

// One line of valid UTF-8 of at most `limit` characters: invalid bytes become U+FFFD, line breaks and control
// characters one blank; direction marks and invisible characters are removed. Text that is cut ends in "…".
std::string Clean(std::string_view text, size_t limit);
// The same, but keeps line breaks and tabs: for SQL.
std::string CleanLines(std::string_view text, size_t limit);

// The length in UTF-16 units, as JavaScript and most APIs count; the text is valid UTF-8.
size_t Units(std::string_view text);

// The beginning of valid UTF-8 with at most `limit` units, including "…" if it is cut.
std::string Cut(std::string_view text, size_t limit);

// Text for Slack, whose limits count entities as written: & < > escaped, no entity cut in two.
std::string SlackText(std::string_view text, size_t limit);

// Text for HTML, also for quoted attributes.
std::string Html(std::string_view text);

// Text for the Markdown of Adaptive Cards, with formatting characters escaped.
std::string CardText(std::string_view text, size_t limit);

// 2026-03-01T06:00:00.000Z, and seconds since 1970.
std::string IsoTime(Moment moment);
int64_t UnixTime(Moment moment);

}  // namespace pulse::delivery
