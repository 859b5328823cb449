#include "pulse/report/schedule.hpp"

#include <algorithm>
#include <array>

#include "pulse/base/schedule.hpp"

namespace pulse::report {

namespace {

// Longer than a week in which a zone skips a day.
constexpr int64_t kBack = 9 * kDay;

Schedule CronOf(const ReportSchedule& schedule) {
    const int64_t hour = schedule.at / kHour, minute = schedule.at % kHour / kMinute;
    // Cron's week begins on Sunday.
    return Schedule::Parse(std::to_string(minute) + " " + std::to_string(std::min<int64_t>(hour, 23)) +
                           " * * " + (schedule.weekly ? std::to_string((schedule.day + 1) % 7) : "*"));
}

// The first instant of a local day, which may begin after midnight where the clock is set forward.
Moment BeginOfDay(Moment local, const OffsetAt& offset) {
    const ClockOffsets offsets = OffsetsAround(local, local, offset);
    const LocalInstants shown = InstantsOf(local, offsets, offset);
    return shown.count > 0 ? shown.at[0] : EndOfGap(local, offsets, offset);
}

}  // namespace

int DayNumber(const std::string& day) {
    static constexpr std::array<const char*, 7> kDays = {"monday", "tuesday",  "wednesday", "thursday",
                                                         "friday", "saturday", "sunday"};
    for (size_t i = 0; i < kDays.size(); ++i)
        if (day == kDays[i]) return static_cast<int>(i);
    return -1;
}

DueReport NewestDue(const ReportSchedule& schedule, Moment now) {
    const Schedule cron = CronOf(schedule);
    DueReport due;
    due.at = now - kBack;
    for (Moment next = cron.Next(due.at, 0, schedule.offset); next <= now;
         next = cron.Next(next, 0, schedule.offset))
        due.at = next;
    const Moment day = FloorTo(due.at + schedule.offset(due.at), kDay);
    due.period.until = BeginOfDay(day, schedule.offset);
    due.period.from = BeginOfDay(day - (schedule.weekly ? 7 : 1) * kDay, schedule.offset);
    return due;
}

Moment NextReport(const ReportSchedule& schedule, Moment now) {
    return CronOf(schedule).Next(now, 0, schedule.offset);
}

}  // namespace pulse::report
