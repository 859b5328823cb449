// Lets later rooms say what of theirs reads a source. Pure C++.
#pragma once

#include <string>
#include <vector>

namespace pulse::source {

// Adds what reads the source, such as "segment \"Trial users\"". Called with a pg::Session as
// pg::Identity::Owner() open.
using SourceUserLister = void (*)(const std::string& source, std::vector<std::string>& users);

// Returns true, so that a constant can register it.
bool RegisterSourceUsers(SourceUserLister lister);
std::vector<std::string> UsersOf(const std::string& source);

}  // namespace pulse::source
