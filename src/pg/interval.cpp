#include "pulse/pg/interval.hpp"

#include <algorithm>
#include <cstdlib>

#include "pulse/base/duration.hpp"
#include "pulse/pg/settings.hpp"

extern "C" {
#include "utils/timestamp.h"
}

namespace pulse::pg {

int64_t IntervalLength(Datum interval) {
    const Interval* parts = DatumGetIntervalP(interval);
    const double days = parts->day + 30.0 * parts->month;
    const double length = static_cast<double>(parts->time) + days * static_cast<double>(kDay);
    constexpr auto kMost = static_cast<double>(kLongestInterval);
    return static_cast<int64_t>(std::clamp(length, -kMost, kMost));
}

int64_t IntervalArgument(Datum interval) {
    const int64_t length = IntervalLength(interval);
    if (std::abs(length) == kLongestInterval)
        throw UserError(sqlstate::kInvalidParameter, "the interval is too long", "",
                        "Give at most 100 years.");
    return length;
}

int64_t KeepArgument(const Args& args, int i, const char* hint) {
    if (args.IsNull(i)) throw UserError(sqlstate::kNullValue, "\"keep\" must not be null", "", hint);
    const int64_t keep = IntervalArgument(args.Raw(i));
    if (keep < 0)
        ThrowInvalid("\"keep\" must not be negative", "It is " + ToOutput(args.Raw(i), INTERVALOID) + ".",
                     hint);
    return keep;
}

std::optional<Moment> AfterInterval(const Args& args, int i) {
    if (args.IsNull(i)) return std::nullopt;
    return Now() + IntervalArgument(args.Raw(i));
}

std::optional<Moment> ParseUntil(const std::optional<std::string>& text) {
    if (!text) return std::nullopt;
    if (*text == "infinity") return DT_NOEND;
    if (const auto span = ParseDuration(*text)) return Now() + *span;
    // The caller says that it lies in the past.
    if (text->starts_with('-'))
        if (const auto span = ParseDuration(std::string_view(*text).substr(1))) return Now() - *span;
    if (const auto moment = ParseMoment(*text)) return *moment;
    throw UserError(
        sqlstate::kInvalidParameter, "\"until\" is neither a timestamp nor an interval",
        "It is \"" + *text + "\".",
        "Give for example '2 hours' or '2026-03-01 06:00'; a timestamp without an offset is UTC.");
}

}  // namespace pulse::pg
