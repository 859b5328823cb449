#include "pulse/insight/rfm_cuts.hpp"

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "pulse/base/error.hpp"
#include "pulse/base/json_object.hpp"

namespace pulse::insight {

namespace {

constexpr double kMostMoney = 1e15;
constexpr const char* kExample =
    "{\"recency\": [7, 30, 90, 180], \"frequency\": [20, 10, 5, 2], \"monetary\": [1000, 500, 200, 50]}";
const std::string kHint = std::string("Give \"fixed\", \"quintiles\", or cuts such as ") + kExample + ".";

// A decimal number without exponent, as PostgreSQL writes a numeric.
std::string Decimal(double number) {
    char text[64];
    const auto end =
        std::to_chars(text, text + sizeof text, number == 0 ? 0.0 : number, std::chars_format::fixed);
    return {text, end.ptr};
}

// Four numbers for the scores 5, 4, 3 and 2. `rising`: of days at most; otherwise of amounts at least.
void ReadFour(const JsonObject& cuts, const char* key, bool rising, bool whole, double least, RfmCuts& into) {
    const nlohmann::json* list = cuts.List(key);
    if (!list) return;
    if (list->size() != into.size())
        cuts.Refuse(key, "must have four numbers, for the scores 5, 4, 3 and 2", kHint);
    double before = 0;
    for (size_t i = 0; i < into.size(); ++i) {
        const nlohmann::json& cut = (*list)[i];
        const double number = cut.is_number() ? cut.get<double>() : NAN;
        if (!std::isfinite(number) || number < least || number > kMostMoney ||
            (whole && number != std::floor(number)))
            cuts.Refuse(
                key, whole ? "must have whole numbers that are not negative" : "must have numbers up to 1e15",
                kHint);
        if (i > 0 && (rising ? number < before : number > before))
            cuts.Refuse(key,
                        rising ? "must rise: a better score is for fewer days"
                               : "must fall: a better score is for more",
                        kHint);
        before = number;
        into[i] = Decimal(number);
    }
}

}  // namespace

void ReadRfmCuts(const nlohmann::json& given, RfmSettings& settings) {
    const RfmSettings fixed;
    if (given.is_string()) {
        const std::string name = given.get<std::string>();
        if (name != "fixed" && name != "quintiles")
            ThrowInvalid("\"cuts\" is unknown", DescribeJson(given), kHint);
        settings.quintiles = name == "quintiles";
        if (settings.quintiles) return;
        settings.recency = fixed.recency;
        settings.frequency = fixed.frequency;
        settings.monetary = fixed.monetary;
        return;
    }
    const JsonObject cuts(given, {"\"cuts\""}, {"recency", "frequency", "monetary"}, kExample);
    if (settings.quintiles) {
        settings.recency = fixed.recency;
        settings.frequency = fixed.frequency;
        settings.monetary = fixed.monetary;
    }
    settings.quintiles = false;
    ReadFour(cuts, "recency", true, true, 0, settings.recency);
    ReadFour(cuts, "frequency", false, true, 1, settings.frequency);
    ReadFour(cuts, "monetary", false, false, -kMostMoney, settings.monetary);
}

}  // namespace pulse::insight
