#include "pulse/web/gateway/network.hpp"

#include <algorithm>
#include <charconv>

namespace pulse::web::gateway {

namespace {

std::string LowerCase(std::string_view text) {
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return lower;
}

std::string_view Trim(std::string_view text) {
    const size_t first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// An entry of X-Forwarded-For: some write the port, too.
std::optional<http::IpAddress> ParseForwarded(std::string_view text) {
    if (text.starts_with('[')) {
        text = text.substr(0, text.find(']') == std::string_view::npos ? text.size() : text.find(']') + 1);
    } else if (std::count(text.begin(), text.end(), ':') == 1) {
        text = text.substr(0, text.find(':'));
    }
    return http::ParseIpAddress(text);
}

bool HasSameBits(const http::IpAddress& a, const http::IpAddress& b, int bits) {
    for (size_t i = 0; i < a.bytes.size() && bits > 0; ++i, bits -= 8) {
        const int shift = std::max(0, 8 - bits);
        if ((a.bytes[i] ^ b.bytes[i]) >> shift != 0) return false;
    }
    return true;
}

}  // namespace

std::optional<Networks::Network> Networks::Parse(const std::string& entry) {
    const size_t slash = std::min(entry.find('/'), entry.size());
    const std::optional<http::IpAddress> address = http::ParseIpAddress(entry.substr(0, slash));
    if (!address) return std::nullopt;
    if (slash == entry.size()) return Network{*address, 128};
    int bits = -1;
    const char* end = entry.data() + entry.size();
    const auto read = std::from_chars(entry.data() + slash + 1, end, bits);
    const int most = address->is_v4() ? 32 : 128;
    if (read.ec != std::errc() || read.ptr != end || bits < 0 || bits > most) return std::nullopt;
    return Network{*address, bits + 128 - most};
}

Networks::Networks(const std::vector<std::string>& entries) {
    for (const std::string& entry : entries)
        if (const std::optional<Network> network = Parse(entry)) networks_.push_back(*network);
}

bool Networks::IsValid(const std::string& entry) {
    return Parse(entry).has_value();
}

bool Networks::Contains(const http::IpAddress& address) const {
    return std::any_of(networks_.begin(), networks_.end(), [&](const Network& network) {
        return HasSameBits(network.address, address, network.bits);
    });
}

Client FindClient(const Client& peer, std::string_view forwarded_for, std::string_view forwarded_proto,
                  const Networks& trusted) {
    Client client = peer;
    if (!trusted.Contains(peer.address)) return client;
    client.tls = client.tls || LowerCase(Trim(forwarded_proto)) == "https";
    while (!forwarded_for.empty() && trusted.Contains(client.address)) {
        const size_t comma = forwarded_for.rfind(',');
        const bool last = comma == std::string_view::npos;
        const auto address = ParseForwarded(Trim(last ? forwarded_for : forwarded_for.substr(comma + 1)));
        if (!address) break;
        client.address = *address;
        forwarded_for = last ? std::string_view() : forwarded_for.substr(0, comma);
    }
    return client;
}

bool IsOurHost(std::string_view host, const std::vector<std::string>& names, bool loopback) {
    const std::string lower = LowerCase(host);
    const size_t bracket = lower.rfind(']');
    const size_t colon = lower.rfind(':');
    const bool has_port = colon != std::string::npos && (bracket == std::string::npos || colon > bracket);
    std::string name = lower.substr(0, has_port ? colon : lower.size());
    if (name.ends_with('.')) name.pop_back();
    if (loopback && (name == "localhost" || name == "127.0.0.1" || name == "[::1]")) return true;
    return std::any_of(names.begin(), names.end(), [&](const std::string& own) {
        return LowerCase(own) == name || LowerCase(own) == lower;
    });
}

bool IsAllowedOrigin(std::string_view origin, const std::vector<std::string>& origins) {
    if (origins.empty()) return true;
    const std::string lower = LowerCase(origin);
    return std::any_of(origins.begin(), origins.end(), [&](const std::string& entry) {
        const std::string own = LowerCase(entry);
        const size_t star = own.find("://*.");
        if (star == std::string::npos) return own == lower;
        const std::string_view scheme = std::string_view(own).substr(0, star + 3);
        const std::string_view below = std::string_view(own).substr(star + 4);
        return lower.starts_with(scheme) && lower.ends_with(below) &&
               lower.size() > scheme.size() + below.size();
    });
}

}  // namespace pulse::web::gateway
