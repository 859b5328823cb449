#include "pulse/http/address.hpp"

#include <algorithm>
#include <arpa/inet.h>

#include "pulse/base/ascii.hpp"
#include "pulse/base/options.hpp"

namespace pulse::http {

namespace {

constexpr int kMappedBits = 96;  // ::ffff:0:0/96
constexpr std::array<uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr std::array<uint8_t, 12> kNat64{0x00, 0x64, 0xff, 0x9b};  // 64:ff9b::/96

struct Block {
    const char* network;
    int bits;
};

// From IANA's special-purpose registries: networks that are not globally reachable, and multicast.
constexpr Block kSpecialV4[] = {
    {"0.0.0.0", 8},     {"10.0.0.0", 8},      {"100.64.0.0", 10},  {"127.0.0.0", 8},    {"169.254.0.0", 16},
    {"172.16.0.0", 12}, {"192.0.0.0", 24},    {"192.0.2.0", 24},   {"192.88.99.0", 24}, {"192.168.0.0", 16},
    {"198.18.0.0", 15}, {"198.51.100.0", 24}, {"203.0.113.0", 24}, {"224.0.0.0", 4},    {"240.0.0.0", 4}};
// Within 2000::/3, which is all of IPv6 that is routed: Teredo and other protocol assignments, documentation,
// 6to4.
constexpr Block kSpecialV6[] = {{"2001::", 23}, {"2001:db8::", 32}, {"2002::", 16}, {"3fff::", 20}};

bool SameBits(const IpAddress& a, const IpAddress& b, int bits) {
    const int whole = bits / 8, rest = bits % 8;
    if (!std::equal(a.bytes.begin(), a.bytes.begin() + whole, b.bytes.begin())) return false;
    if (rest == 0) return true;
    const auto at = static_cast<size_t>(whole);
    return (a.bytes[at] ^ b.bytes[at]) >> (8 - rest) == 0;
}

template <size_t N>
bool InAny(const IpAddress& address, const Block (&blocks)[N], int shift) {
    return std::any_of(std::begin(blocks), std::end(blocks), [&](const Block& block) {
        return SameBits(address, *ParseIpAddress(block.network), block.bits + shift);
    });
}

bool StartsWith(const IpAddress& address, const std::array<uint8_t, 12>& prefix) {
    return std::equal(prefix.begin(), prefix.end(), address.bytes.begin());
}

// In lower case, without the final dot of an absolute name.
std::string Plain(std::string name) {
    for (char& c : name)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (!name.empty() && name.back() == '.') name.pop_back();
    return name;
}

bool IsName(const std::string& text) {
    if (text.empty() || text.size() > 253 || text.front() == '.' || text.front() == '-') return false;
    const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || IsDigit(c) || c == '-' || c == '_' || c == '.';
    });
    // 127.1 and 10.0.0.256 are neither names nor addresses.
    const std::string last = text.substr(text.rfind('.') + 1);
    const bool number = !last.empty() && last.find_first_not_of("0123456789") == std::string::npos;
    return plain && !number && text.find("..") == std::string::npos;
}

}  // namespace

bool IpAddress::is_v4() const {
    return StartsWith(*this, kMapped);
}

std::string IpAddress::Text() const {
    char text[INET6_ADDRSTRLEN] = "";
    if (is_v4())
        inet_ntop(AF_INET, bytes.data() + kMapped.size(), text, sizeof text);
    else
        inet_ntop(AF_INET6, bytes.data(), text, sizeof text);
    return text;
}

std::optional<IpAddress> ParseIpAddress(std::string_view text) {
    if (text.size() > 2 && text.front() == '[' && text.back() == ']') text = text.substr(1, text.size() - 2);
    const std::string plain(text.substr(0, text.find('%')));  // without the zone of a link-local address
    IpAddress address;
    if (inet_pton(AF_INET6, plain.c_str(), address.bytes.data()) == 1) return address;
    std::copy(kMapped.begin(), kMapped.end(), address.bytes.begin());
    if (inet_pton(AF_INET, plain.c_str(), address.bytes.data() + kMapped.size()) == 1) return address;
    return std::nullopt;
}

bool IsPublic(const IpAddress& address) {
    if (address.is_v4()) return !InAny(address, kSpecialV4, kMappedBits);
    if (StartsWith(address, kNat64)) {
        IpAddress inner = address;
        std::copy(kMapped.begin(), kMapped.end(), inner.bytes.begin());
        return IsPublic(inner);
    }
    return address.bytes[0] >> 5 == 1 && !InAny(address, kSpecialV6, 0);
}

bool AddressRules::Network::Holds(const IpAddress& other) const {
    return SameBits(address, other, bits);
}

std::optional<AddressRules::Network> AddressRules::ParseNetwork(const std::string& text) {
    const size_t slash = text.find('/');
    const auto address = ParseIpAddress(text.substr(0, slash));
    if (!address) return std::nullopt;
    if (slash == std::string::npos) return Network{*address, 128};
    const auto bits = options::ParseWhole(text.substr(slash + 1));
    // The prefix length of ::ffff:10.0.0.0/104 is that of IPv6.
    const bool v4 = address->is_v4() && text.find(':') == std::string::npos;
    if (!bits || *bits < 0 || *bits > (v4 ? 32 : 128)) return std::nullopt;
    return Network{*address, static_cast<int>(*bits) + (v4 ? kMappedBits : 0)};
}

AddressRules::AddressRules(const std::string& allowed_hosts, bool allow_http) : allow_http_(allow_http) {
    constexpr const char* kBlank = " \t\r\n";
    for (size_t begin = 0; begin <= allowed_hosts.size();) {
        const size_t end = std::min(allowed_hosts.find(',', begin), allowed_hosts.size());
        std::string entry = allowed_hosts.substr(begin, end - begin);
        entry.erase(0, entry.find_first_not_of(kBlank));
        entry.erase(entry.find_last_not_of(kBlank) + 1);
        if (!entry.empty()) Add(entry);
        begin = end + 1;
    }
}

void AddressRules::Add(const std::string& entry) {
    const std::string name = Plain(entry);
    if (entry == "*") {
        any_ = true;
    } else if (const auto network = ParseNetwork(entry)) {
        networks_.push_back(*network);
    } else if (name.starts_with("*.") && IsName(name.substr(2))) {
        suffixes_.push_back(name.substr(1));
    } else if (IsName(name)) {
        names_.push_back(name);
    } else {
        bad_.push_back(entry);
    }
}

bool AddressRules::NamesHost(const std::string& name) const {
    return std::find(names_.begin(), names_.end(), name) != names_.end();
}

bool AddressRules::CoversName(const std::string& name) const {
    return any_ || std::any_of(suffixes_.begin(), suffixes_.end(), [&](const std::string& suffix) {
               return name.size() > suffix.size() && name.ends_with(suffix);
           });
}

bool AddressRules::Lists(const IpAddress& address) const {
    return std::any_of(networks_.begin(), networks_.end(),
                       [&](const Network& n) { return n.Holds(address); });
}

std::string AddressRules::Refuses(const std::string& scheme, const std::string& host) const {
    if (scheme != "https" && scheme != "smtp" && scheme != "smtps" && scheme != "http")
        return "only https and smtp URLs can be used, not " + scheme;
    if (scheme == "http" && !allow_http_) return "a URL without TLS (http) needs pulse.allow_http";
    if (const auto address = ParseIpAddress(host)) return Refuses(host, *address);
    // The name may resolve to a listed address, which is checked on connecting.
    const std::string name = Plain(host);
    if (NamesHost(name) || CoversName(name) || !networks_.empty()) return "";
    return host + " is not in pulse.allowed_hosts";
}

std::string AddressRules::Refuses(const std::string& host, const IpAddress& address) const {
    const std::string name = Plain(host);
    if (Lists(address) || NamesHost(name)) return "";
    const std::string where =
        ParseIpAddress(host) ? address.Text() : host + " is at " + address.Text() + ", which";
    if (!IsPublic(address)) return where + " is not a public address and not in pulse.allowed_hosts";
    if (!CoversName(name)) return where + " is not in pulse.allowed_hosts";
    return "";
}

}  // namespace pulse::http
