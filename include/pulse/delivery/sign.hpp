// Signatures of webhooks: by the Standard Webhooks specification, and the header of Stratum; Base64. Pure
// C++.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pulse::delivery {

std::string Base64(std::string_view bytes);
// Empty if it is not standard Base64 with padding.
std::optional<std::string> FromBase64(std::string_view text);

// The key in "whsec_" and Base64 of 24 to 64 bytes; empty if the secret is invalid.
std::optional<std::string> SigningKey(std::string_view secret);

// "v1,…" for the signed text id.timestamp.body.
std::string Signature(std::string_view key, std::string_view id, int64_t timestamp, std::string_view body);

// "sha256=…" in hex for the body alone. The key is the secret as it is written, with "whsec_".
std::string StratumSignature(std::string_view secret, std::string_view body);

// ---- Rotation: former secrets sign, too, until they end ----

struct FormerSecret {
    int64_t until = 0;  // Unix time
    std::string secret;
};
inline constexpr size_t kMostFormerSecrets = 5;

// "until=whsec_… until=whsec_…", as the option former_secrets has it; empty if it is invalid.
std::optional<std::vector<FormerSecret>> ParseFormerSecrets(std::string_view text);
std::string PrintFormerSecrets(const std::vector<FormerSecret>& secrets);

// The former secrets after `secret` has become one at `now`: none lives longer than `until`, and those that
// have ended are left out.
std::vector<FormerSecret> Retire(std::vector<FormerSecret> former, const std::string& secret, int64_t now,
                                 int64_t until);

}  // namespace pulse::delivery
