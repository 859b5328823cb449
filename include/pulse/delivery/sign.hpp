// Signatures of webhooks by the Standard Webhooks specification, and Base64. Pure C++.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pulse::delivery {

std::string Base64(std::string_view bytes);
// Empty if it is not standard Base64 with padding.
std::optional<std::string> FromBase64(std::string_view text);

// The key in "whsec_" and Base64 of 24 to 64 bytes; empty if the secret is invalid.
std::optional<std::string> SigningKey(std::string_view secret);

// "v1,…" for the signed text id.timestamp.body.
std::string Signature(std::string_view key, std::string_view id, int64_t timestamp, std::string_view body);

}  // namespace pulse::delivery
