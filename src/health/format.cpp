// Parses durations and formats times and figures for this room.
#include <array>
#include <cctype>
#include <cmath>
#include <cstdio>

#include "pulse/base/number.hpp"
#include "pulse/health/check.hpp"

namespace pulse::health {

namespace {

struct Unit {
    const char* name;
    double seconds;
};
constexpr std::array<Unit, 14> kUnits{{{"s", 1},
                                       {"sec", 1},
                                       {"second", 1},
                                       {"min", 60},
                                       {"minute", 60},
                                       {"m", 60},
                                       {"h", 3600},
                                       {"hour", 3600},
                                       {"hr", 3600},
                                       {"d", 86400},
                                       {"day", 86400},
                                       {"w", 604800},
                                       {"week", 604800},
                                       {"ms", 0.001}}};

std::optional<double> SecondsOf(std::string unit) {
    if (unit.size() > 3 && unit.back() == 's') unit.pop_back();
    for (const Unit& known : kUnits)
        if (unit == known.name) return known.seconds;
    return std::nullopt;
}

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

std::optional<int64_t> ParseDuration(const std::string& text) {
    constexpr double kMost = 100.0 * 365 * 86400;
    double total = 0;
    bool any = false;
    for (size_t i = 0; i < text.size();) {
        if (std::isspace(static_cast<unsigned char>(text[i]))) {
            ++i;
            continue;
        }
        size_t end = i;
        while (end < text.size() && (std::isdigit(static_cast<unsigned char>(text[end])) || text[end] == '.'))
            ++end;
        if (end == i || end - i > 12 || text[i] == '.') return std::nullopt;
        const double number = std::stod(text.substr(i, end - i));
        while (end < text.size() && text[end] == ' ') ++end;
        std::string unit;
        while (end < text.size() && std::isalpha(static_cast<unsigned char>(text[end])))
            unit += static_cast<char>(std::tolower(static_cast<unsigned char>(text[end++])));
        const auto seconds = SecondsOf(unit);
        if (!seconds) return std::nullopt;
        total += number * *seconds;
        any = true;
        i = end;
    }
    if (!any || total > kMost) return std::nullopt;
    return static_cast<int64_t>(std::llround(total * kSecond));
}

std::string Duration(double seconds) {
    if (!std::isfinite(seconds)) return "for ever";
    if (seconds < 0) return "-" + Duration(-seconds);
    if (seconds < 10 && seconds != std::floor(seconds)) return Trimmed(Printed("%.3f", seconds)) + " s";
    auto left = static_cast<int64_t>(std::llround(seconds));
    std::string text;
    int parts = 0;
    for (const auto& [unit, size] :
         std::array<std::pair<const char*, int64_t>, 4>{{{"d", 86400}, {"h", 3600}, {"min", 60}, {"s", 1}}}) {
        const int64_t count = left / size;
        left %= size;
        if (count == 0) {
            if (parts > 0) break;
            continue;
        }
        text += (text.empty() ? "" : " ") + std::to_string(count) + " " + unit;
        if (++parts == 2) break;
    }
    return text.empty() ? "0 s" : text;
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
