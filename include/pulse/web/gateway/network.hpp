// Who sends a request, and to which host. Pure C++.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pulse/http/address.hpp"

namespace pulse::web::gateway {

// Addresses and networks such as 10.0.0.0/8.
class Networks {
  public:
    Networks() = default;
    // Entries that are not valid match nothing.
    explicit Networks(const std::vector<std::string>& entries);

    bool Contains(const http::IpAddress& address) const;
    static bool IsValid(const std::string& entry);

  private:
    struct Network {
        http::IpAddress address;
        int bits;
    };
    static std::optional<Network> Parse(const std::string& entry);

    std::vector<Network> networks_;
};

struct Client {
    http::IpAddress address;
    bool tls = false;
};

// The client of a request: where the peer is a trusted proxy, the last address in X-Forwarded-For that is
// not a trusted proxy's, and TLS by X-Forwarded-Proto.
Client FindClient(const Client& peer, std::string_view forwarded_for, std::string_view forwarded_proto,
                  const Networks& trusted);

// Whether Host is one of the names, or of this machine if `loopback`. The port does not count.
bool IsOurHost(std::string_view host, const std::vector<std::string>& names, bool loopback);

// Whether a page of this origin may read answers: any where the list is empty. An entry may begin with
// scheme://*. for all hosts below.
bool IsAllowedOrigin(std::string_view origin, const std::vector<std::string>& origins);

}  // namespace pulse::web::gateway
