// Internet addresses and networks. Pure C++.
#pragma once

#include <string>
#include <string_view>

namespace pulse::rule {

// Whether the text is an IPv4 or IPv6 address, or a network such as 10.0.0.0/8, that the type inet accepts.
bool IsAddress(std::string_view text);
// SQL of type inet that needs no function of Pulse: the address in a text, else null. `text` is SQL of type
// text.
std::string AddressSql(const std::string& text);

}  // namespace pulse::rule
