#include "pulse/profile/consent_bits.hpp"

namespace pulse::profile {

namespace {

constexpr uint64_t kBitsOfCharacter = 6;

int ValueOf(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '-' || c == '+') return 62;
    return c == '_' || c == '/' ? 63 : -1;
}

}  // namespace

uint64_t BitReader::Read(int bits) {
    uint64_t value = 0;
    for (int i = 0; i < bits; ++i, ++position_) {
        const uint64_t place = position_ / kBitsOfCharacter;
        if (place >= text_.size()) throw UnreadableBits{"it ends too early"};
        const int six = ValueOf(text_[place]);
        if (six < 0) throw UnreadableBits{"it is not base64url"};
        const auto shift = kBitsOfCharacter - 1 - position_ % kBitsOfCharacter;
        value = value << 1 | (static_cast<uint64_t>(six) >> shift & 1);
    }
    return value;
}

void BitReader::Skip(uint64_t bits) {
    if (bits > text_.size() * kBitsOfCharacter - position_) throw UnreadableBits{"it ends too early"};
    position_ += bits;
}

uint64_t BitReader::ReadFibonacci(uint64_t most) {
    uint64_t sum = 0, one = 1, two = 2;  // the numbers of this bit and of the next
    for (bool before = false;;) {
        const bool bit = ReadBit();
        if (bit && before) return sum;
        if (bit) sum += one;
        if (sum > most || one > most) throw UnreadableBits{"a number in it is too large"};
        const uint64_t three = one + two;
        one = two;
        two = three;
        before = bit;
    }
}

}  // namespace pulse::profile
