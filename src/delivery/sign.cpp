#include "pulse/delivery/sign.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <stdexcept>

namespace pulse::delivery {

std::string Base64(std::string_view bytes) {
    std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // OpenSSL writes a NUL behind it
    const int length =
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                        reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
    text.resize(static_cast<size_t>(length));
    return text;
}

std::optional<std::string> FromBase64(std::string_view text) {
    size_t padding = 0;
    while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
    // OpenSSL reads = as a digit, and leaves out blanks at both ends.
    if (text.size() % 4 != 0 || text.substr(0, text.size() - padding).find('=') != std::string_view::npos)
        return std::nullopt;
    std::string bytes(text.size() / 4 * 3, '\0');
    const int length =
        EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                        reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
    if (length < 0 || static_cast<size_t>(length) != bytes.size()) return std::nullopt;
    bytes.resize(bytes.size() - padding);
    return bytes;
}

std::optional<std::string> SigningKey(std::string_view secret) {
    constexpr std::string_view kPrefix = "whsec_";
    if (!secret.starts_with(kPrefix)) return std::nullopt;
    std::optional<std::string> key = FromBase64(secret.substr(kPrefix.size()));
    if (!key || key->size() < 24 || key->size() > 64) return std::nullopt;
    return key;
}

std::string Signature(std::string_view key, std::string_view id, int64_t timestamp, std::string_view body) {
    std::string signed_text(id);
    signed_text += "." + std::to_string(timestamp) + ".";
    signed_text += body;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    if (!HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
              reinterpret_cast<const unsigned char*>(signed_text.data()), signed_text.size(), digest, &size))
        throw std::runtime_error("HMAC-SHA256 is not to be had from OpenSSL");
    return "v1," + Base64({reinterpret_cast<const char*>(digest), size});
}

}  // namespace pulse::delivery
