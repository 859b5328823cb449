#include "pulse/web/key.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <boost/crc.hpp>
#include <charconv>
#include <new>

#include "pulse/base/error.hpp"
#include "pulse/base/utf8.hpp"

namespace pulse::web {

namespace {

constexpr std::array kKinds = {"public", "write", "read", "admin"};
constexpr std::string_view kDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr size_t kFinder = 8, kSecret = 32, kChecksum = 6;

// Each character with the same probability: bytes beyond the last multiple of 62 are left out.
std::string RandomDigits(size_t count, const std::function<std::string(size_t)>& random_bytes) {
    constexpr size_t kBound = 256 / kDigits.size() * kDigits.size();
    std::string digits;
    while (digits.size() < count)
        for (const char byte : random_bytes(count - digits.size()))
            if (const auto number = static_cast<unsigned char>(byte); number < kBound)
                digits += kDigits[number % kDigits.size()];
    return digits;
}

// CRC-32 as a number of six digits.
std::string ChecksumOf(std::string_view text) {
    boost::crc_32_type crc;
    crc.process_bytes(text.data(), text.size());
    std::string digits(kChecksum, kDigits[0]);
    auto rest = static_cast<size_t>(crc.checksum());
    for (size_t i = kChecksum; i-- > 0; rest /= kDigits.size()) digits[i] = kDigits[rest % kDigits.size()];
    return digits;
}

}  // namespace

const char* Name(KeyKind kind) {
    return kKinds[static_cast<size_t>(kind)];
}

KeyKind ParseKeyKind(std::string_view name) {
    const auto found = std::find(kKinds.begin(), kKinds.end(), name);
    if (found == kKinds.end())
        ThrowInvalid("unknown kind \"" + Shorten(name, 100) + "\" of an API key", "",
                     "Kinds are public, write, read, admin.");
    return static_cast<KeyKind>(found - kKinds.begin());
}

KeyText MakeKey(KeyKind kind, const std::function<std::string(size_t)>& random_bytes) {
    const std::string digits = RandomDigits(kFinder + kSecret, random_bytes);
    KeyText key;
    key.prefix = std::string("pulse_") + Name(kind) + "_" + digits.substr(0, kFinder);
    key.text = key.prefix + digits.substr(kFinder);
    key.text += ChecksumOf(key.text);
    return key;
}

std::optional<std::string> PrefixOf(std::string_view text) {
    constexpr size_t kRandom = kFinder + kSecret;
    const auto starts = [&](const char* kind) {
        const std::string start = std::string("pulse_") + kind + "_";
        return text.starts_with(start) && text.size() == start.size() + kRandom + kChecksum;
    };
    if (std::none_of(kKinds.begin(), kKinds.end(), starts)) return std::nullopt;
    const std::string_view digits = text.substr(text.size() - kRandom - kChecksum);
    const size_t body = text.size() - kChecksum;
    if (digits.find_first_not_of(kDigits) != std::string_view::npos) return std::nullopt;
    if (ChecksumOf(text.substr(0, body)) != text.substr(body)) return std::nullopt;
    return std::string(text.substr(0, body - kSecret));
}

std::string Digest(std::string_view text) {
    std::string digest(EVP_MAX_MD_SIZE, '\0');
    unsigned int size = 0;
    if (!EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(digest.data()), &size,
                    EVP_sha256(), nullptr))
        throw std::bad_alloc();
    digest.resize(size);
    return digest;
}

std::string KeyProof(std::string_view prefix, std::string_view digest) {
    constexpr std::string_view kHex = "0123456789abcdef";
    std::string proof(prefix);
    proof += '.';
    for (const char c : digest) {
        const auto byte = static_cast<unsigned char>(c);
        proof += kHex[byte >> 4];
        proof += kHex[byte & 15];
    }
    return proof;
}

std::optional<ProvenKey> ParseKeyProof(std::string_view proof) {
    constexpr size_t kDigestSize = 32;
    const size_t dot = proof.find('.');
    if (dot == std::string_view::npos || proof.size() != dot + 1 + 2 * kDigestSize) return std::nullopt;
    ProvenKey key{std::string(proof.substr(0, dot)), std::string(kDigestSize, '\0')};
    for (size_t i = 0; i < kDigestSize; ++i) {
        unsigned byte = 0;
        const char* from = proof.data() + dot + 1 + 2 * i;
        if (std::from_chars(from, from + 2, byte, 16).ptr != from + 2) return std::nullopt;
        key.digest[i] = static_cast<char>(byte);
    }
    return key;
}

bool SameDigest(std::string_view one, std::string_view other) {
    return one.size() == other.size() && CRYPTO_memcmp(one.data(), other.data(), one.size()) == 0;
}

}  // namespace pulse::web
