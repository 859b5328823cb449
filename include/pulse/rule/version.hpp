// Semantic versions (semver.org). Pure C++.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pulse::rule {

// A text that sorts bytewise as the version does by semver.org's precedence; empty when it is none. Reads a v
// before it and leaves out missing parts: v2.10 is 2.10.0. Builds, behind a +, do not count.
std::optional<std::string> VersionKey(std::string_view text);

}  // namespace pulse::rule
