// When a job is due: five cron fields in a time zone, or an interval. Pure C++; the zone is a function.
#pragma once

#include <bitset>
#include <optional>
#include <string>

#include "pulse/base/local_time.hpp"

namespace pulse {

// A parsed schedule.
//
// Changes of the clock are handled as in Vixie cron: a job with a fixed hour and minute that falls into a
// skipped hour runs once, right after the gap, and one in a repeated hour runs once, the first time. Where
// the hour or the minute is a wildcard (* or */n) the job follows real time: missed runs are not made up for,
// and a repeated hour counts twice.
class Schedule {
  public:
    // Reads "0 2 * * *", "@daily", "5 minutes", "1 hour 30 minutes". Throws UserError 22023 that names the
    // field.
    static Schedule Parse(const std::string& text);

    // The interval; empty for cron fields.
    std::optional<int64_t> interval() const { return interval_; }

    // The first run after an instant. Intervals count from `anchor`.
    Moment Next(Moment after, Moment anchor, const OffsetAt& offset) const;

  private:
    bool MatchesDay(int month, int day, int weekday) const;
    std::optional<Moment> FirstOn(int64_t day, Moment after, const OffsetAt& offset) const;

    std::optional<int64_t> interval_;
    std::bitset<60> minutes_;
    std::bitset<24> hours_;
    std::bitset<32> days_;     // of the month, from 1
    std::bitset<13> months_;   // from 1
    std::bitset<8> weekdays_;  // 0 Sunday
    bool real_time_ = false;   // the hour or the minute is a wildcard
    bool any_day_ = false, any_weekday_ = false;
};

}  // namespace pulse
