// Formats times and figures for this room.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "pulse/base/duration.hpp"
#include "pulse/base/number.hpp"
#include "pulse/health/check.hpp"

namespace pulse::health {

namespace {

std::string Printed(const char* format, double number) {
    char text[64];
    std::snprintf(text, sizeof text, format, number);
    return text;
}

// Removes trailing zeros.
std::string Trimmed(std::string text) {
    if (text.find('.') == std::string::npos) return text;
    while (text.back() == '0') text.pop_back();
    if (text.back() == '.') text.pop_back();
    return text;
}

}  // namespace

std::string FormatSeconds(double seconds) {
    if (!std::isfinite(seconds)) return "for ever";
    constexpr double kMost = 1e12;  // what microseconds can hold
    return FormatDuration(std::llround(std::clamp(seconds, -kMost, kMost) * kSecond));
}

std::string Count(double number) {
    if (!std::isfinite(number)) return "unknown";
    if (std::abs(number) >= 1e15) return Printed("%.3g", number);
    const double whole = std::round(number);
    if (std::abs(number - whole) > 1e-9 && std::abs(number) < 1000) return Trimmed(Printed("%.4g", number));
    return Thousands(static_cast<int64_t>(whole));
}

std::string Percentage(double share) {
    const double percent = 100 * share;
    if (percent != 0 && std::abs(percent) < 0.001) return "under 0.001 %";
    return Trimmed(Printed(std::abs(percent) < 1    ? "%.3f"
                           : std::abs(percent) < 10 ? "%.2f"
                                                    : "%.1f",
                           percent)) +
           " %";
}

std::string Counted(double number, const std::string& noun) {
    return Count(number) + " " + noun + (number == 1 ? "" : "s");
}

}  // namespace pulse::health
