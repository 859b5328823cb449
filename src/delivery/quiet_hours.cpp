#include "pulse/delivery/quiet_hours.hpp"

#include <algorithm>

#include "pulse/base/error.hpp"

namespace pulse::delivery {

namespace {

// "7:05" or "07:05" or "24:00" as microseconds since midnight.
std::optional<int64_t> ParseClock(std::string text) {
    text.erase(0,
               text.find_first_not_of(' ') == std::string::npos ? text.size() : text.find_first_not_of(' '));
    while (!text.empty() && text.back() == ' ') text.pop_back();
    const size_t colon = text.find(':');
    if (colon == std::string::npos || colon < 1 || colon > 2 || text.size() != colon + 3) return std::nullopt;
    text.erase(colon, 1);
    if (text.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
    const int64_t hour = std::stol(text.substr(0, colon)), minute = std::stol(text.substr(colon));
    if (minute > 59 || hour > 24 || (hour == 24 && minute > 0)) return std::nullopt;
    return hour * kHour + minute * kMinute;
}

// The first instant after `after` at which the clock shows `local` or skips it; empty if all such instants
// are earlier.
std::optional<Moment> FirstShowing(Moment local, Moment after, const OffsetAt& offset) {
    const ClockOffsets offsets = OffsetsAround(local, local, offset);
    const LocalInstants shown = InstantsOf(local, offsets, offset);
    for (size_t i = 0; i < shown.count; ++i)
        if (shown.at[i] > after) return shown.at[i];
    if (shown.count > 0) return std::nullopt;
    const Moment jump = EndOfGap(local, offsets, offset);
    return jump > after ? std::optional(jump) : std::nullopt;
}

}  // namespace

QuietHours ParseQuietHours(const std::string& text) {
    const size_t dash = text.find('-');
    if (dash != std::string::npos) {
        const auto from = ParseClock(text.substr(0, dash)), until = ParseClock(text.substr(dash + 1));
        if (from && until && *from % kDay != *until % kDay) return {*from % kDay, *until % kDay};
    }
    throw UserError(sqlstate::kInvalidParameter, "invalid quiet hours",
                    "They are \"" + text.substr(0, 100) + "\".",
                    "Give two different times of day, such as '22:00-07:00', in the time zone of the route.");
}

std::optional<Moment> QuietUntil(const QuietHours& quiet, Moment moment, const OffsetAt& offset) {
    const auto reign = [&](Moment at) {
        const Moment local = at + offset(at);
        const int64_t time = local - FloorTo(local, kDay);
        return quiet.from > quiet.until ? time >= quiet.from || time < quiet.until
                                        : time >= quiet.from && time < quiet.until;
    };
    if (!reign(moment)) return std::nullopt;
    // A zone may skip a whole day: then the end is on the next one.
    Moment end = NextTimeOfDay(quiet.until, moment, offset);
    while (reign(end)) end = NextTimeOfDay(quiet.until, end, offset);
    return end;
}

Moment NextTimeOfDay(int64_t time, Moment after, const OffsetAt& offset) {
    // Starts with the previous day: if the clock is set back across midnight, a day begins twice.
    const Moment today = FloorTo(after + offset(after), kDay);
    for (Moment day = today - kDay;; day += kDay)
        if (const auto found = FirstShowing(day + time, after, offset)) return *found;
}

Moment NextFullHour(Moment after, const OffsetAt& offset) {
    // If the clock changes in between, the full hour is that of the clock after the change.
    const Moment local = FloorTo(after + offset(after), kHour) + kHour;
    const Moment guess = local - offset(after);
    const int64_t ahead = offset(guess);
    if (ahead == offset(after)) return guess;
    const Moment full = FloorTo(guess + ahead, kHour) - ahead;
    return full > after ? full : full + kHour;
}

}  // namespace pulse::delivery
