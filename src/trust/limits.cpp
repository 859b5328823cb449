#include "pulse/trust/limits.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "pulse/base/duration.hpp"
#include "pulse/base/error.hpp"
#include "pulse/base/json_object.hpp"

namespace pulse::trust {

namespace {

constexpr double kMostPerDay = 100'000;
constexpr const char* kLimitsExample =
    R"({"per_day": 5, "apart": "4 h", "max_change": 0.3, "max_value": 1000})";

std::optional<double> NumberIn(const nlohmann::json& payload, const char* key) {
    if (!payload.is_object()) return std::nullopt;
    const auto found = payload.find(key);
    if (found == payload.end() || !found->is_number()) return std::nullopt;
    const double number = found->get<double>();
    return std::isfinite(number) ? std::optional(number) : std::nullopt;
}

// The shortest text of a number.
std::string Figure(double number) {
    std::array<char, 32> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
    return std::string(text.data(), end);
}

std::string PercentOf(double share) {
    return Figure(std::round(share * 1000) / 10) + " %";
}

void CheckChange(const Limits& limits, const nlohmann::json& payload, std::vector<std::string>& violations) {
    const std::optional<double> before = NumberIn(payload, "before"), after = NumberIn(payload, "after");
    if (limits.max_change && (!before || !after)) {
        violations.emplace_back(
            "The payload has no numbers \"before\" and \"after\", so its change cannot be compared with the "
            "limit of " +
            PercentOf(*limits.max_change) + ".");
    } else if (limits.max_change) {
        const double change =
            *before == 0 ? (*after == 0 ? 0 : INFINITY) : std::abs(*after - *before) / std::abs(*before);
        if (change > *limits.max_change)
            violations.push_back(
                "It changes the value by " +
                (std::isinf(change) ? std::string("more than any share") : PercentOf(change)) +
                ", more than " + PercentOf(*limits.max_change) + ".");
    }
    if (limits.max_value && (!after || *after > *limits.max_value))
        violations.push_back(after ? "The new value " + Figure(*after) + " is greater than " +
                                         Figure(*limits.max_value) + "."
                                   : "The payload has no number \"after\", so it cannot be compared with the "
                                     "greatest value of " +
                                         Figure(*limits.max_value) + ".");
}

}  // namespace

Limits ReadLimits(const nlohmann::json& json, const std::string& place) {
    const JsonObject object(json, {.name = "\"" + place + "\"", .path = place},
                            {"per_day", "apart", "max_change", "max_value"}, kLimitsExample);
    return ReadLimits(object);
}

Limits ReadLimits(const JsonObject& object) {
    Limits limits;
    if (const auto number = object.Number("per_day", 1, kMostPerDay)) {
        if (*number != std::floor(*number)) object.Refuse("per_day", "must be a whole number");
        limits.per_day = static_cast<int64_t>(*number);
    }
    if (const auto text = object.Text("apart", "Give a length of time, such as \"4 h\".")) {
        limits.apart = ParseDuration(*text);
        if (!limits.apart || *limits.apart < 0 || *limits.apart > 366 * kDay)
            object.Refuse("apart", "must be a length of time of at most 366 days", "Such as \"4 h\".");
    }
    limits.max_change = object.Number("max_change", 0, 100, "Give a share: 0.3 is 30 %.");
    limits.max_value = object.Number("max_value", -1e15, 1e15);
    return limits;
}

std::vector<std::string> Violations(const Limits& limits, const Usage& usage, const nlohmann::json& payload) {
    std::vector<std::string> violations;
    if (limits.per_day && usage.today >= *limits.per_day)
        violations.push_back("It would be number " + std::to_string(usage.today + 1) +
                             " within 24 hours; the limit is " + std::to_string(*limits.per_day) + ".");
    // A clock that was set back is no reason to act sooner.
    if (limits.apart && usage.last && usage.now < *usage.last + *limits.apart)
        violations.push_back("The one before was carried out at " + FormatMoment(*usage.last) +
                             "; the limit is one every " + FormatDuration(*limits.apart) + ".");
    CheckChange(limits, payload, violations);
    return violations;
}

}  // namespace pulse::trust
