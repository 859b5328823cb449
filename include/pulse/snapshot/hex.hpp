// Bytes as hexadecimal text and back. Pure C++.
#pragma once

#include <string>
#include <string_view>

namespace pulse::snapshot {

std::string ToHex(std::string_view bytes);
// Throws UserError 22P02 naming `type` and the first character that does not belong.
std::string FromHex(std::string_view text, const char* type);

}  // namespace pulse::snapshot
