// Origins of web pages, as browsers name them in the header Origin. Pure C++.
#pragma once

#include <string>
#include <vector>

namespace pulse::web {

inline constexpr size_t kMaxOrigins = 100;

// Each origin once, in lower case, in order. Throws UserError unless each is scheme://host or
// scheme://host:port; a host may begin with *. for all below it.
std::vector<std::string> CheckOrigins(const std::vector<std::string>& origins);

}  // namespace pulse::web
