#include "pulse/base/random.hpp"

#include <random>

namespace pulse {

double RandomFraction() {
    static std::mt19937_64 generator{std::random_device{}()};
    return std::uniform_real_distribution<double>(0, 1)(generator);
}

}  // namespace pulse
