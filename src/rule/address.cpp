#include "pulse/rule/address.hpp"

#include <arpa/inet.h>

#include <charconv>
#include <string>

namespace pulse::rule {

bool IsAddress(std::string_view text) {
    const size_t slash = text.find('/');
    const std::string address(text.substr(0, slash));
    if (address.find('\0') != std::string::npos) return false;
    in6_addr parsed;
    const bool four = inet_pton(AF_INET, address.c_str(), &parsed) == 1;
    if (!four && inet_pton(AF_INET6, address.c_str(), &parsed) != 1) return false;
    if (slash == std::string_view::npos) return true;
    const std::string_view bits = text.substr(slash + 1);
    int count = 0;
    const auto [end, problem] = std::from_chars(bits.data(), bits.data() + bits.size(), count);
    return problem == std::errc() && end == bits.data() + bits.size() && bits.front() != '-' &&
           count <= (four ? 32 : 128);
}

}  // namespace pulse::rule
