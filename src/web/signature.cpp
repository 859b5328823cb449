#include "pulse/web/signature.hpp"

#include <algorithm>
#include <charconv>
#include <openssl/crypto.h>

#include "pulse/delivery/sign.hpp"

namespace pulse::web {

namespace {

// A sender that changes its secret signs with both.
constexpr int kMostSignatures = 10;
constexpr size_t kLongestMessageId = 255;

bool MatchesOne(std::string_view signatures, const std::string& expected) {
    bool same = false;
    for (int i = 0; i < kMostSignatures && !signatures.empty(); ++i) {
        const size_t end = std::min(signatures.find(' '), signatures.size());
        const std::string_view one = signatures.substr(0, end);
        signatures.remove_prefix(std::min(end + 1, signatures.size()));
        same |=
            one.size() == expected.size() && CRYPTO_memcmp(one.data(), expected.data(), expected.size()) == 0;
    }
    return same;
}

}  // namespace

std::string SignatureProblem(std::string_view key, const SignedMessage& message, int64_t now) {
    if (message.id.empty() || message.timestamp.empty() || message.signature.empty())
        return "The key has a webhook secret: send webhook-id, webhook-timestamp and webhook-signature.";
    int64_t sent = 0;
    const char* end = message.timestamp.data() + message.timestamp.size();
    const auto [stop, error] = std::from_chars(message.timestamp.data(), end, sent);
    // One way to write a time: with a zero in front, the same signature would pass as another message.
    if (message.id.size() > kLongestMessageId || error != std::errc() || stop != end ||
        message.timestamp != std::to_string(sent) || sent < 0)
        return "webhook-timestamp must be in seconds since 1970, and webhook-id have at most 255 characters.";
    if (!MatchesOne(message.signature, delivery::Signature(key, message.id, sent, message.body)))
        return "webhook-signature is not \"v1,\" and Base64 of HMAC-SHA256 of webhook-id.webhook-timestamp.body "
               "with the secret.";
    if (sent < now - kSignatureTolerance || sent > now + kSignatureTolerance)
        return "webhook-timestamp is more than " + std::to_string(kSignatureTolerance / 60) +
               " minutes away from now.";
    return "";
}

}  // namespace pulse::web
