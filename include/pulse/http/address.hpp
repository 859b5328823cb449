// Where requests may go: the rules of pulse.allowed_hosts and pulse.allow_http. Pure C++.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pulse::http {

// An address of either kind; IPv4 as ::ffff:a.b.c.d, so that both ways to write one are the same.
struct IpAddress {
    std::array<uint8_t, 16> bytes{};

    bool is_v4() const;
    std::string Text() const;
    bool operator==(const IpAddress&) const = default;
};

// Reads 10.0.0.1, ::1 or [::1]; empty when it is a name or anything else.
std::optional<IpAddress> ParseIpAddress(std::string_view text);

// Whether anybody may be there: neither loopback, private, link-local, multicast, documentation nor reserved.
// What leads to an IPv4 address (NAT64) is judged by that.
bool IsPublic(const IpAddress& address);

class AddressRules {
  public:
    AddressRules() : AddressRules("*", false) {}
    // `allowed_hosts` as in pulse.allowed_hosts.
    AddressRules(const std::string& allowed_hosts, bool allow_http);

    // Why a request may not even be tried with this scheme and host (as a URL has it); empty when it may.
    std::string Refuses(const std::string& scheme, const std::string& host) const;
    // Why this address of the host may not be connected to; empty when it may.
    std::string Refuses(const std::string& host, const IpAddress& address) const;

    bool allow_http() const { return allow_http_; }
    // Entries that mean nothing.
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
