// Bit fields in base64url, as the strings of consent managers have them. Pure C++.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace pulse::profile {

// Why a string cannot be read, as the end of a sentence: "it ends too early". Caught in the decoders.
struct UnreadableBits {
    std::string problem;
};

// Reads bits from the left; six of each character. Throws UnreadableBits.
class BitReader {
  public:
    explicit BitReader(std::string_view text) : text_(text) {}

    // Up to 64 bits.
    uint64_t Read(int bits);
    bool ReadBit() { return Read(1) != 0; }
    void Skip(uint64_t bits);
    // An integer in Fibonacci coding, up to `most`.
    uint64_t ReadFibonacci(uint64_t most);
    uint64_t position() const { return position_; }

  private:
    std::string_view text_;
    uint64_t position_ = 0;
};

}  // namespace pulse::profile
