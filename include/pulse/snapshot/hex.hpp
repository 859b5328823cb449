// Bytes from hexadecimal text (base/hex.hpp writes it). Pure C++.
#pragma once

#include <string>
#include <string_view>

namespace pulse::snapshot {

// Throws UserError 22P02 naming `type` and the first character that does not belong.
std::string FromHex(std::string_view text, const char* type);

}  // namespace pulse::snapshot
