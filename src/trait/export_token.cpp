#include "pulse/trait/export_token.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <new>

#include "pulse/delivery/sign.hpp"

namespace pulse::trait {

namespace {

// For a link: Base64 without the characters that have a meaning in one.
std::string SignatureOf(int64_t id, int64_t expires, std::string_view secret) {
    const std::string text = "pulse export " + std::to_string(id) + " " + std::to_string(expires);
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    if (!HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
              reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &size))
        throw std::bad_alloc();
    std::string signature = delivery::Base64({reinterpret_cast<const char*>(digest.data()), size});
    std::erase(signature, '=');
    std::replace(signature.begin(), signature.end(), '+', '-');
    std::replace(signature.begin(), signature.end(), '/', '_');
    return signature;
}

// Digits without sign and leading zeros, and what separates them from the rest.
std::optional<int64_t> TakeNumber(std::string_view& text) {
    int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const auto length = static_cast<size_t>(end - text.data());
    if (error != std::errc() || number <= 0 || text.front() == '0' || length >= text.size() ||
        text[length] != '-')
        return std::nullopt;
    text.remove_prefix(length + 1);
    return number;
}

}  // namespace

std::string MakeExportToken(int64_t id, int64_t expires, std::string_view secret) {
    return std::to_string(id) + "-" + std::to_string(expires) + "-" + SignatureOf(id, expires, secret);
}

std::optional<ExportToken> ReadExportToken(std::string_view text) {
    const std::optional<int64_t> id = TakeNumber(text);
    const std::optional<int64_t> expires = id ? TakeNumber(text) : std::nullopt;
    if (!expires || text.empty() || text.size() > EVP_MAX_MD_SIZE * 2) return std::nullopt;
    return ExportToken{*id, *expires, std::string(text)};
}

bool IsSignedWith(const ExportToken& token, std::string_view secret) {
    const std::string expected = SignatureOf(token.id, token.expires, secret);
    return expected.size() == token.signature.size() &&
           CRYPTO_memcmp(expected.data(), token.signature.data(), expected.size()) == 0;
}

}  // namespace pulse::trait
