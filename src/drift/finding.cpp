#include "pulse/drift/finding.hpp"

#include <array>
#include <cstdint>
#include <stdexcept>
#include <utility>

namespace pulse::drift {

namespace {

template <typename Enum, size_t N>
const char* NameIn(const std::array<std::pair<Enum, const char*>, N>& names, Enum value) {
    for (const auto& [key, name] : names)
        if (key == value) return name;
    throw std::logic_error("unnamed value of an enumeration");
}

template <typename Enum, size_t N>
Enum ParseIn(const std::array<std::pair<Enum, const char*>, N>& names, const std::string& text) {
    for (const auto& [key, name] : names)
        if (text == name) return key;
    throw std::logic_error("unknown name in a drift record: " + text);
}

constexpr std::array<std::pair<Severity, const char*>, 4> kSeverities{{{Severity::kLow, "low"},
                                                                       {Severity::kMedium, "medium"},
                                                                       {Severity::kHigh, "high"},
                                                                       {Severity::kCritical, "critical"}}};
constexpr std::array<std::pair<Direction, const char*>, 3> kDirections{
    {{Direction::kUp, "up"}, {Direction::kDown, "down"}, {Direction::kChanged, "changed"}}};
constexpr std::array<std::pair<BaselineKind, const char*>, 5> kKinds{{{BaselineKind::kPinned, "pinned"},
                                                                      {BaselineKind::kRolling, "rolling"},
                                                                      {BaselineKind::kSeasonal, "seasonal"},
                                                                      {BaselineKind::kPrevious, "previous"},
                                                                      {BaselineKind::kExpected, "expected"}}};

}  // namespace

const char* Name(Severity severity) {
    return NameIn(kSeverities, severity);
}
const char* Name(Direction direction) {
    return NameIn(kDirections, direction);
}
const char* Name(BaselineKind kind) {
    return NameIn(kKinds, kind);
}
Severity ParseSeverity(const std::string& name) {
    return ParseIn(kSeverities, name);
}
Direction ParseDirection(const std::string& name) {
    return ParseIn(kDirections, name);
}
BaselineKind ParseBaselineKind(const std::string& name) {
    return ParseIn(kKinds, name);
}

Severity SeverityOf(double ratio) {
    // Tolerates rounding: 0.4 ÷ 0.2 counts as 2.
    constexpr double kTolerance = 1e-9;
    if (ratio >= 3 - kTolerance) return Severity::kCritical;
    if (ratio >= 2 - kTolerance) return Severity::kHigh;
    if (ratio >= 1.5 - kTolerance) return Severity::kMedium;
    return Severity::kLow;
}

}  // namespace pulse::drift
