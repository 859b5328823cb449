// Semantic versions (semver.org). Pure C++.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pulse::rule {

// A text that sorts bytewise as semver.org orders versions; empty if `text` is not a version. Accepts a v
// before it and missing parts: v2.10 is 2.10.0. Builds, behind a +, do not count.
std::optional<std::string> VersionKey(std::string_view text);
// The same as SQL that needs no function of Pulse; `text` is SQL of type text.
std::string VersionKeySql(const std::string& text);

}  // namespace pulse::rule
