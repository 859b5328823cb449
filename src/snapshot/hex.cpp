#include "pulse/snapshot/hex.hpp"

#include "pulse/base/error.hpp"

namespace pulse::snapshot {

namespace {

int Value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

[[noreturn]] void Invalid(const char* type, std::string detail) {
    throw UserError(sqlstate::kInvalidText, std::string("invalid input for type ") + type, std::move(detail),
                    "It is what the type prints: an even number of hexadecimal digits.");
}

}  // namespace

std::string FromHex(std::string_view text, const char* type) {
    if (text.size() % 2 != 0)
        Invalid(type, "Its number of characters is odd: " + std::to_string(text.size()) + ".");
    std::string bytes;
    bytes.reserve(text.size() / 2);
    for (size_t i = 0; i < text.size(); i += 2) {
        const int high = Value(text[i]), low = Value(text[i + 1]);
        if (high < 0 || low < 0)
            Invalid(type,
                    "At position " + std::to_string(high < 0 ? i + 1 : i + 2) + " is no hexadecimal digit.");
        bytes += static_cast<char>(high << 4 | low);
    }
    return bytes;
}

}  // namespace pulse::snapshot
