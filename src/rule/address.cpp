#include "pulse/rule/address.hpp"

#include <arpa/inet.h>

#include <charconv>
#include <string>

namespace pulse::rule {

namespace {

// A regular expression of what IsAddress() accepts.
std::string AddressPattern() {
    const std::string octet = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])",
                      four = octet + "(?:[.]" + octet + "){3}", group = "[0-9A-Fa-f]{1,4}";
    const auto groups = [&](int count) { return "(?:" + group + ":){" + std::to_string(count) + "}"; };
    const auto up_to = [&](int count) { return "(?:" + group + ":){0," + std::to_string(count) + "}"; };
    // All eight groups, the last two maybe as IPv4; or :: in the place of one or more of them.
    std::string six = groups(7) + group + "|" + groups(6) + four;
    for (int before = 0; before <= 7; ++before) {
        six += "|" + (before == 0 ? ":" : groups(before)) + ":";
        if (before <= 6) six += "(?:" + up_to(6 - before) + group + ")?";
        if (before <= 5) six += "|" + (before == 0 ? ":" : groups(before)) + ":" + up_to(5 - before) + four;
    }
    return "^(?:" + four + "(?:/(?:3[0-2]|[12]?[0-9]))?|(?:" + six +
           ")(?:/(?:12[0-8]|1[01][0-9]|[1-9]?[0-9]))?)$";
}

}  // namespace

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
    // The type inet refuses 08 bits.
    return problem == std::errc() && end == bits.data() + bits.size() && bits.front() != '-' &&
           (bits.front() != '0' || bits.size() == 1) && count <= (four ? 32 : 128);
}

std::string AddressSql(const std::string& text) {
    static const std::string pattern = "'" + AddressPattern() + "'";
    return "(CASE WHEN " + text + " ~ " + pattern + " THEN (" + text + ")::inet END)";
}

}  // namespace pulse::rule
