#include "pulse/base/number.hpp"

namespace pulse {

std::string Thousands(int64_t number) {
    std::string text = std::to_string(number);
    const size_t sign = number < 0 ? 1 : 0;
    for (size_t i = text.size(); i > sign + 3; i -= 3) text.insert(i - 3, ",");
    return text;
}

std::string Plural(int64_t number, const std::string& noun) {
    return Thousands(number) + " " + noun + (number == 1 ? "" : "s");
}

}  // namespace pulse
