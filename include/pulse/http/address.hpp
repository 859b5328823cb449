// The rules of pulse.allowed_hosts and pulse.allow_http. Pure C++.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pulse::http {

// An IPv4 or IPv6 address; IPv4 is stored as ::ffff:a.b.c.d, so that both notations are equal.
struct IpAddress {
    std::array<uint8_t, 16> bytes{};

    bool is_v4() const;
    std::string Text() const;
    bool operator==(const IpAddress&) const = default;
};

// Reads 10.0.0.1, ::1 or [::1]; empty for a name or anything else.
std::optional<IpAddress> ParseIpAddress(std::string_view text);

// Whether the address is not loopback, private, link-local, multicast, documentation or reserved. A NAT64
// address counts as its IPv4 address.
bool IsPublic(const IpAddress& address);

class AddressRules {
  public:
    AddressRules() : AddressRules("*", false) {}
    // `allowed_hosts` as in pulse.allowed_hosts.
    AddressRules(const std::string& allowed_hosts, bool allow_http);

    // Why no request with this scheme and host (as in a URL) is allowed; empty if it is.
    std::string Refuses(const std::string& scheme, const std::string& host) const;
    // Why connecting to this address of the host is not allowed; empty if it is.
    std::string Refuses(const std::string& host, const IpAddress& address) const;

    bool allow_http() const { return allow_http_; }
    // Invalid entries.
    const std::vector<std::string>& bad() const { return bad_; }
    bool operator==(const AddressRules&) const = default;

  private:
    struct Network {
        IpAddress address;
        int bits = 128;

        bool Holds(const IpAddress& other) const;
        bool operator==(const Network&) const = default;
    };
    static std::optional<Network> ParseNetwork(const std::string& text);
    void Add(const std::string& entry);
    bool NamesHost(const std::string& name) const;   // exactly
    bool CoversName(const std::string& name) const;  // by * or *.example.com
    bool Lists(const IpAddress& address) const;

    bool any_ = false;
    bool allow_http_ = false;
    std::vector<std::string> names_, suffixes_;
    std::vector<Network> networks_;
    std::vector<std::string> bad_;
};

}  // namespace pulse::http
