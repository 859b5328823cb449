// Signatures of webhooks that come in, as Standard Webhooks specifies them. Pure C++.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pulse::web {

// The headers webhook-id, webhook-timestamp and webhook-signature, and the body.
struct SignedMessage {
    std::string_view id, timestamp, signature, body;
};

// How far the clock of a sender may be off, in seconds.
inline constexpr int64_t kSignatureTolerance = 300;

// What is wrong with the signature of a message at a Unix time; empty if nothing is. `key` is that of the
// secret. Takes the same time whatever a signature contains.
std::string SignatureProblem(std::string_view key, const SignedMessage& message, int64_t now);

}  // namespace pulse::web
