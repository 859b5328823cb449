#include "pulse/flag/murmur3.hpp"

#include <bit>

namespace pulse::flag {

namespace {

// Little-endian on every machine.
uint32_t Load(std::string_view bytes, size_t at, size_t count) {
    uint32_t word = 0;
    for (size_t i = 0; i < count; ++i)
        word |= static_cast<uint32_t>(static_cast<unsigned char>(bytes[at + i])) << (8 * i);
    return word;
}

uint32_t Scramble(uint32_t word) {
    return std::rotl(word * 0xcc9e2d51u, 15) * 0x1b873593u;
}

}  // namespace

uint32_t Murmur3(std::string_view bytes, uint32_t seed) {
    uint32_t hash = seed;
    size_t at = 0;
    for (; at + 4 <= bytes.size(); at += 4)
        hash = std::rotl(hash ^ Scramble(Load(bytes, at, 4)), 13) * 5 + 0xe6546b64u;
    if (at < bytes.size()) hash ^= Scramble(Load(bytes, at, bytes.size() - at));
    hash ^= static_cast<uint32_t>(bytes.size());
    hash = (hash ^ hash >> 16) * 0x85ebca6bu;
    hash = (hash ^ hash >> 13) * 0xc2b2ae35u;
    return hash ^ hash >> 16;
}

}  // namespace pulse::flag
