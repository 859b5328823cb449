#include "pulse/delivery/sign.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <stdexcept>

namespace pulse::delivery {

namespace {

constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::string Base64(std::string_view bytes) {
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    for (size_t i = 0; i < bytes.size(); i += 3) {
        uint32_t group = 0;
        for (size_t k = 0; k < 3; ++k)
            group = group << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
        for (size_t k = 0; k < 4; ++k)
            text += i + k > bytes.size() ? '=' : kDigits[group >> (18 - 6 * k) & 63];
    }
    return text;
}

std::optional<std::string> FromBase64(std::string_view text) {
    if (text.size() % 4 != 0) return std::nullopt;
    size_t padding = 0;
    while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
    std::string bytes;
    uint32_t group = 0;
    for (size_t i = 0; i < text.size(); ++i) {
        const size_t digit = i + padding >= text.size() ? 0 : kDigits.find(text[i]);
        if (digit == std::string_view::npos) return std::nullopt;
        group = group << 6 | static_cast<uint32_t>(digit);
        if (i % 4 != 3) continue;
        for (const int shift : {16, 8, 0}) bytes += static_cast<char>(group >> shift & 0xFF);
        group = 0;
    }
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
