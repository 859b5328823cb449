// The texts of API keys. Pure C++.
//   pulse_<kind>_<8 characters: the key is found by them><32: the secret><6: the checksum>
// The words in front and the checksum let scanners of source code recognise a key without asking Pulse.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace pulse::web {

// What a key is for at most.
enum class KeyKind { kPublic, kWrite, kRead, kAdmin };

const char* Name(KeyKind kind);
// Throws UserError that lists the kinds.
KeyKind ParseKeyKind(std::string_view name);

struct KeyText {
    std::string text;
    std::string prefix;  // all before the secret
};

// A new key; `random_bytes` returns as many as it is asked for.
KeyText MakeKey(KeyKind kind, const std::function<std::string(size_t)>& random_bytes);

// The prefix of a key; empty if the text has another form or a wrong checksum.
std::optional<std::string> PrefixOf(std::string_view text);

// SHA-256, 32 bytes.
std::string Digest(std::string_view text);
// What shows that somebody had the text of a key, without being one: "pulse_read_abcdefgh.<digest as hex>".
std::string KeyProof(std::string_view prefix, std::string_view digest);
struct ProvenKey {
    std::string prefix, digest;
};
std::optional<ProvenKey> ParseKeyProof(std::string_view proof);
// Takes the same time whatever they contain.
bool SameDigest(std::string_view one, std::string_view other);

}  // namespace pulse::web
