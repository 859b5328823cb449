// Schedules: what they accept, what they mean, and what happens when clocks change.
#include "pulse/base/schedule.hpp"

#include <gtest/gtest.h>

#include "pulse/base/error.hpp"
#include "pulse/worker/job.hpp"
#include "time_zones.hpp"

namespace pulse::worker {

namespace {

// Midnight is skipped and repeated.
OffsetAt Beirut() {
    return Zone(120, {{"2024-03-30 22:00", 180}, {"2024-10-26 21:00", 120}});
}

// The next `count` runs after `after`, in UTC without seconds.
std::vector<std::string> Runs(const std::string& schedule, const char* after, const OffsetAt& zone,
                              int count) {
    const Schedule parsed = Schedule::Parse(schedule);
    const Moment anchor = At(after);
    std::vector<std::string> runs;
    Moment moment = anchor;
    for (int i = 0; i < count; ++i)
        runs.push_back(FormatMoment(moment = parsed.Next(moment, anchor, zone)).substr(0, 16));
    return runs;
}

using List = std::vector<std::string>;

RunResult Ended(const char* status) {
    RunResult result;
    result.status = status;
    return result;
}

std::string Refusal(const std::string& schedule) {
    try {
        Schedule::Parse(schedule);
    } catch (const UserError& error) {
        EXPECT_EQ(error.state(), "22023");
        EXPECT_FALSE(error.hint().empty());
        return error.detail();
    }
    return "accepted";
}

}  // namespace

TEST(Cron, Fields) {
    EXPECT_EQ(Runs("0 2 * * *", "2024-01-01 01:59", Utc(), 2),
              (List{"2024-01-01 02:00", "2024-01-02 02:00"}));
    EXPECT_EQ(Runs("0 2 * * *", "2024-01-01 02:00", Utc(), 1), (List{"2024-01-02 02:00"}));
    EXPECT_EQ(Runs("*/20 * * * *", "2024-01-01 23:30", Utc(), 3),
              (List{"2024-01-01 23:40", "2024-01-02 00:00", "2024-01-02 00:20"}));
    EXPECT_EQ(Runs("5,10-12,50-58/4 0 * * *", "2024-01-01", Utc(), 8),
              (List{"2024-01-01 00:05", "2024-01-01 00:10", "2024-01-01 00:11", "2024-01-01 00:12",
                    "2024-01-01 00:50", "2024-01-01 00:54", "2024-01-01 00:58", "2024-01-02 00:05"}));
    EXPECT_EQ(Runs("0 0 1 jan,JUL *", "2024-01-02", Utc(), 2),
              (List{"2024-07-01 00:00", "2025-01-01 00:00"}));
    // 2024-01-07 is a Sunday: 0, 7 and its name.
    for (const char* sunday : {"0 0 * * 0", "0 0 * * 7", "0 0 * * sun", "0 0 * * SUN"})
        EXPECT_EQ(Runs(sunday, "2024-01-01", Utc(), 2), (List{"2024-01-07 00:00", "2024-01-14 00:00"}))
            << sunday;
    EXPECT_EQ(Runs("0 0 * * fri-sun", "2024-01-01", Utc(), 4),
              (List{"2024-01-05 00:00", "2024-01-06 00:00", "2024-01-07 00:00", "2024-01-12 00:00"}));
    EXPECT_EQ(Runs("0 0 * * 5-7", "2024-01-01", Utc(), 3),
              (List{"2024-01-05 00:00", "2024-01-06 00:00", "2024-01-07 00:00"}));
}

TEST(Cron, EitherDayCountsWhenBothAreGiven) {
    EXPECT_EQ(Runs("0 0 13 * fri", "2024-09-01", Utc(), 4),
              (List{"2024-09-06 00:00", "2024-09-13 00:00", "2024-09-20 00:00", "2024-09-27 00:00"}));
    EXPECT_EQ(Runs("0 0 15 * mon", "2024-01-10", Utc(), 2), (List{"2024-01-15 00:00", "2024-01-22 00:00"}));
    // A step on the stars still counts as a wildcard: both must match.
    EXPECT_EQ(Runs("0 0 */2 * mon", "2024-01-01", Utc(), 2), (List{"2024-01-15 00:00", "2024-01-29 00:00"}));
}

TEST(Cron, CalendarEdges) {
    EXPECT_EQ(Runs("0 0 31 * *", "2024-01-31", Utc(), 3),
              (List{"2024-03-31 00:00", "2024-05-31 00:00", "2024-07-31 00:00"}));
    EXPECT_EQ(Runs("0 0 29 2 *", "2024-02-29", Utc(), 1), (List{"2028-02-29 00:00"}));
    EXPECT_EQ(Runs("0 0 29 feb *", "2096-03-01", Utc(), 1), (List{"2104-02-29 00:00"}));
    EXPECT_EQ(Runs("0 0 29 2 */7", "2072-03-01", Utc(), 1), (List{"2088-02-29 00:00"}));
    EXPECT_EQ(Runs("59 23 31 12 *", "2024-12-31 23:59", Utc(), 1), (List{"2025-12-31 23:59"}));
    EXPECT_EQ(Runs("0 0 * * *", "1999-12-30 12:00", Utc(), 2),
              (List{"1999-12-31 00:00", "2000-01-01 00:00"}));
    EXPECT_EQ(Runs("@yearly", "2024-06-01", Utc(), 1), (List{"2025-01-01 00:00"}));
    EXPECT_EQ(Runs("@monthly", "2024-06-01", Utc(), 1), (List{"2024-07-01 00:00"}));
    EXPECT_EQ(Runs("@Weekly", "2024-01-01", Utc(), 1), (List{"2024-01-07 00:00"}));
    EXPECT_EQ(Runs("@daily", "2024-01-01", Utc(), 1), (List{"2024-01-02 00:00"}));
    EXPECT_EQ(Runs("@hourly", "2024-01-01 00:30", Utc(), 1), (List{"2024-01-01 01:00"}));
}

TEST(Cron, Zones) {
    EXPECT_EQ(Runs("0 2 * * *", "2024-01-01", Kathmandu(), 1), (List{"2024-01-01 20:15"}));
    EXPECT_EQ(Runs("0 2 * * *", "2024-01-01", NewYork(), 1), (List{"2024-01-01 07:00"}));
    // The local day decides: Monday begins in New York when it is Monday 05:00 in UTC.
    EXPECT_EQ(Runs("0 0 * * mon", "2024-01-01", NewYork(), 1), (List{"2024-01-01 05:00"}));
}

TEST(Cron, FixedTimeInTheSkippedHourRunsOnceRightAfter) {
    EXPECT_EQ(Runs("30 2 * * *", "2024-03-30 00:00", Paris(), 3),
              (List{"2024-03-30 01:30", "2024-03-31 01:00", "2024-04-01 00:30"}));
    EXPECT_EQ(Runs("30 2 * * *", "2024-03-09 12:00", NewYork(), 2),
              (List{"2024-03-10 07:00", "2024-03-11 06:30"}));
    // Two of one job in the same gap are one run.
    EXPECT_EQ(Runs("10,40 2 * * *", "2024-03-31 00:00", Paris(), 2),
              (List{"2024-03-31 01:00", "2024-04-01 00:10"}));
    EXPECT_EQ(Runs("15 2 * * *", "2024-10-05 00:00", LordHowe(), 2),
              (List{"2024-10-05 15:30", "2024-10-06 15:15"}));
    EXPECT_EQ(Runs("0 0 * * *", "2024-03-30 00:00", Beirut(), 2),
              (List{"2024-03-30 22:00", "2024-03-31 21:00"}));
}

TEST(Cron, FixedTimeInTheRepeatedHourRunsOnceTheFirstTime) {
    EXPECT_EQ(Runs("30 2 * * *", "2024-10-26 12:00", Paris(), 2),
              (List{"2024-10-27 00:30", "2024-10-28 01:30"}));
    EXPECT_EQ(Runs("30 1 * * *", "2024-11-02 12:00", NewYork(), 2),
              (List{"2024-11-03 05:30", "2024-11-04 06:30"}));
    EXPECT_EQ(Runs("45 1 * * *", "2024-04-06 00:00", LordHowe(), 2),
              (List{"2024-04-06 14:45", "2024-04-07 15:15"}));
    // Asked in between the two, the next is tomorrow.
    EXPECT_EQ(Runs("30 2 * * *", "2024-10-27 01:10", Paris(), 1), (List{"2024-10-28 01:30"}));
}

TEST(Cron, WildcardsFollowRealTime) {
    EXPECT_EQ(Runs("0 * * * *", "2024-03-31 00:00", Paris(), 3),
              (List{"2024-03-31 01:00", "2024-03-31 02:00", "2024-03-31 03:00"}));
    EXPECT_EQ(Runs("0 * * * *", "2024-10-26 23:30", Paris(), 4),
              (List{"2024-10-27 00:00", "2024-10-27 01:00", "2024-10-27 02:00", "2024-10-27 03:00"}));
    EXPECT_EQ(Runs("*/30 2 * * *", "2024-10-27 00:10", Paris(), 4),
              (List{"2024-10-27 00:30", "2024-10-27 01:00", "2024-10-27 01:30", "2024-10-28 01:00"}));
    // Nothing is made up for where the whole hour is skipped.
    EXPECT_EQ(Runs("*/30 2 * * *", "2024-03-30 12:00", Paris(), 1), (List{"2024-04-01 00:00"}));
    EXPECT_EQ(Runs("*/15 * * * *", "2024-04-06 14:40", LordHowe(), 4),
              (List{"2024-04-06 14:45", "2024-04-06 15:00", "2024-04-06 15:15", "2024-04-06 15:30"}));
}

TEST(Cron, EveryMinuteIsEveryMinuteOfTheYear) {
    const Schedule schedule = Schedule::Parse("* * * * *");
    const OffsetAt zone = Paris();
    for (const char* day : {"2024-03-31 00:00", "2024-10-27 00:00"}) {
        Moment moment = At(day);
        for (int i = 0; i < 200; ++i) {
            const Moment next = schedule.Next(moment, moment, zone);
            ASSERT_EQ(next, moment + kMinute) << FormatMoment(moment);
            moment = next;
        }
    }
}

TEST(Cron, Intervals) {
    EXPECT_EQ(Schedule::Parse("5 minutes").interval(), 5 * kMinute);
    EXPECT_EQ(Schedule::Parse("90 seconds").interval(), 90 * kSecond);
    EXPECT_EQ(Schedule::Parse("90s").interval(), 90 * kSecond);
    EXPECT_EQ(Schedule::Parse("2 Hours").interval(), 2 * kHour);
    EXPECT_EQ(Schedule::Parse("1 hour 30 minutes").interval(), 90 * kMinute);
    EXPECT_EQ(Schedule::Parse("1 day 2 hours 3 min").interval(), kDay + 2 * kHour + 3 * kMinute);
    EXPECT_EQ(Schedule::Parse("366 days").interval(), 366 * kDay);
    EXPECT_EQ(Schedule::Parse("1.5h").interval(), 90 * kMinute);
    EXPECT_EQ(Schedule::Parse("1h 2m 3s 4 d").interval(), 4 * kDay + kHour + 2 * kMinute + 3 * kSecond);
    EXPECT_FALSE(Schedule::Parse("5 * * * *").interval());
    // They count from the anchor, whenever one asks.
    const Schedule five = Schedule::Parse("5 minutes");
    EXPECT_EQ(five.Next(At("2024-01-01 00:12"), At("2024-01-01 00:01"), Utc()), At("2024-01-01 00:16"));
    EXPECT_EQ(five.Next(At("2024-01-01 00:16"), At("2024-01-01 00:01"), Utc()), At("2024-01-01 00:21"));
    EXPECT_EQ(five.Next(At("2023-01-01 00:16"), At("2024-01-01 00:01"), Utc()), At("2024-01-01 00:01"));
}

TEST(Cron, Refusals) {
    EXPECT_EQ(Refusal("60 * * * *"), "In the field minute, \"60\" is out of range.");
    EXPECT_EQ(Refusal("* 24 * * *"), "In the field hour, \"24\" is out of range.");
    EXPECT_EQ(Refusal("* * 0 * *"), "In the field day of month, \"0\" is out of range.");
    EXPECT_EQ(Refusal("* * * 13 *"), "In the field month, \"13\" is out of range.");
    EXPECT_EQ(Refusal("* * * foo *"), "In the field month, \"foo\" is not understood.");
    EXPECT_EQ(Refusal("* * * * 8"), "In the field day of week, \"8\" is out of range.");
    EXPECT_EQ(Refusal("5-2 * * * *"), "In the field minute, \"5-2\" runs backwards.");
    EXPECT_EQ(Refusal("*/0 * * * *"),
              "In the field minute, \"*/0\" has a step that is not a number above 0.");
    EXPECT_EQ(Refusal("5/10 * * * *"), "In the field minute, \"5/10\" has a step without a range.");
    EXPECT_EQ(Refusal("1,, * * * *"), "In the field minute, \"\" is not understood.");
    EXPECT_EQ(Refusal("-5 * * * *"), "In the field minute, \"-5\" is not understood.");
    EXPECT_EQ(Refusal("0 0 30 2 *"), "In the field day of month, \"30\" never comes in month 2.");
    EXPECT_EQ(Refusal("0 0 31 4,6,9,11 *"),
              "In the field day of month, \"31\" never comes in month 4,6,9,11.");
    EXPECT_EQ(Refusal("0 0 30 2 mon"), "accepted");  // every Monday of February
    EXPECT_EQ(Refusal(""), "It is empty.");
    EXPECT_EQ(Refusal("* * * *"), "It has 4 fields.");
    EXPECT_EQ(Refusal("* * * * * *"), "It has 6 fields.");
    EXPECT_EQ(Refusal("@reboot"), "There is no such abbreviation.");
    EXPECT_EQ(Refusal("0 minutes"), "An interval lies between 1 second and 366 days.");
    EXPECT_EQ(Refusal("367 days"), "An interval lies between 1 second and 366 days.");
    EXPECT_EQ(Refusal("1 month"), "\"month\" is not a unit of time.");
    EXPECT_EQ(Refusal("5 minutes x y"), "\"x\" is not a number.");
    EXPECT_EQ(Refusal("5 minutes x"), "\"x\" is not a number.");
    EXPECT_EQ(Refusal("5 minutes 3"), "It has 3 fields.");
    EXPECT_EQ(Refusal("500 ms"), "An interval lies between 1 second and 366 days.");
    EXPECT_EQ(Refusal("999999999 weeks"), "An interval lies between 1 second and 366 days.");
    EXPECT_EQ(Refusal("5 jan * * *"), "In the field hour, \"jan\" is not understood.");
    EXPECT_EQ(Refusal(std::string(201, '1')), "It is too long.");
    EXPECT_EQ(Refusal("99999999999 * * * *"), "In the field minute, \"99999999999\" is not understood.");
}

TEST(Job, PausesDoubleUpToAnHour) {
    EXPECT_EQ(Pause(1, kMinute, 0.5), kMinute);
    EXPECT_EQ(Pause(2, kMinute, 0.5), 2 * kMinute);
    EXPECT_EQ(Pause(3, kMinute, 0.5), 4 * kMinute);
    EXPECT_EQ(Pause(1, kMinute, 0), 45 * kSecond);
    EXPECT_EQ(Pause(1, kMinute, 1), 75 * kSecond);
    EXPECT_EQ(Pause(50, kMinute, 0.5), kHour);
    EXPECT_EQ(Pause(100, 366 * kDay, 1), kHour);
    EXPECT_EQ(Pause(5, 0, 0.5), 0);
}

TEST(Job, RetriesWhatFailedAsOftenAsItMay) {
    Job job;
    job.retry_delay = kMinute;
    job.max_retries = 2;
    job.attempt = 1;
    for (const char* status : {"failed", "timed out", "crashed"})
        EXPECT_EQ(RetryAt(job, Ended(status), 0, 0.5), kMinute) << status;
    for (const char* status : {"ok", "cancelled"})
        EXPECT_FALSE(RetryAt(job, Ended(status), 0, 0.5)) << status;
    job.attempt = 2;
    EXPECT_EQ(RetryAt(job, Ended("failed"), 0, 0.5), 2 * kMinute);
    job.attempt = 3;
    EXPECT_FALSE(RetryAt(job, Ended("failed"), 0, 0.5));
}

}  // namespace pulse::worker
