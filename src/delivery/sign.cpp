#include "pulse/delivery/sign.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace pulse::delivery {

namespace {

std::string HmacSha256(std::string_view key, std::string_view text) {
    std::string digest(EVP_MAX_MD_SIZE, '\0');
    unsigned int size = 0;
    if (!HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
              reinterpret_cast<const unsigned char*>(text.data()), text.size(),
              reinterpret_cast<unsigned char*>(digest.data()), &size))
        throw std::runtime_error("HMAC-SHA256 is not to be had from OpenSSL");
    digest.resize(size);
    return digest;
}

}  // namespace

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
    return "v1," + Base64(HmacSha256(key, signed_text));
}

std::string StratumSignature(std::string_view secret, std::string_view body) {
    std::string text = "sha256=";
    for (const char byte : HmacSha256(secret, body)) {
        constexpr const char* kDigits = "0123456789abcdef";
        text += kDigits[(byte >> 4) & 15];
        text += kDigits[byte & 15];
    }
    return text;
}

std::optional<std::vector<FormerSecret>> ParseFormerSecrets(std::string_view text) {
    std::vector<FormerSecret> secrets;
    while (!text.empty()) {
        const size_t end = std::min(text.find(' '), text.size()), equals = text.find('=');
        if (equals >= end || secrets.size() == kMostFormerSecrets) return std::nullopt;
        FormerSecret& former = secrets.emplace_back();
        former.secret = text.substr(equals + 1, end - equals - 1);
        const auto [rest, error] = std::from_chars(text.data(), text.data() + equals, former.until);
        if (error != std::errc() || rest != text.data() + equals || !SigningKey(former.secret))
            return std::nullopt;
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return secrets;
}

std::string PrintFormerSecrets(const std::vector<FormerSecret>& secrets) {
    std::string text;
    for (const FormerSecret& former : secrets)
        text += (text.empty() ? "" : " ") + std::to_string(former.until) + "=" + former.secret;
    return text;
}

std::vector<FormerSecret> Retire(std::vector<FormerSecret> former, const std::string& secret, int64_t now,
                                 int64_t until) {
    former.insert(former.begin(), {until, secret});
    for (FormerSecret& each : former) each.until = std::min(each.until, until);
    std::erase_if(former, [&](const FormerSecret& each) { return each.until <= now; });
    return former;
}

}  // namespace pulse::delivery
