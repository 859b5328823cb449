#include <gtest/gtest.h>

#include "pulse/base/duration.hpp"
#include "pulse/base/time.hpp"

namespace pulse {
namespace {

std::string Problem(const char* text) {
    DurationError error;
    if (ParseDuration(text, &error)) return "read";
    switch (error.expected) {
        case DurationError::Expected::kNumber: return "number: " + error.found;
        case DurationError::Expected::kUnit: return "unit: " + error.found;
        case DurationError::Expected::kShorter: return "shorter: " + error.found;
    }
    return "";
}

TEST(BaseDuration, IsRead) {
    EXPECT_EQ(ParseDuration("500ms"), 500'000);
    EXPECT_EQ(ParseDuration("30s"), 30 * kSecond);
    EXPECT_EQ(ParseDuration(" 30 Seconds "), 30 * kSecond);
    EXPECT_EQ(ParseDuration("1.5min"), 90 * kSecond);
    EXPECT_EQ(ParseDuration(".5m"), 30 * kSecond);
    EXPECT_EQ(ParseDuration("1h30m"), 90 * kMinute);
    EXPECT_EQ(ParseDuration("1 day 6 h"), 30 * kHour);
    EXPECT_EQ(ParseDuration("2\tweeks\n1 d"), 15 * kDay);
    EXPECT_EQ(ParseDuration("0 s"), 0);
    EXPECT_EQ(ParseDuration("1000 weeks 999999 microweeks"), std::nullopt);
    EXPECT_EQ(ParseDuration("366000 days"), 366'000 * kDay);
    EXPECT_EQ(ParseDuration("366000 days 1 s"), std::nullopt);
    EXPECT_EQ(ParseDuration("999999999999999w"), std::nullopt);
}

TEST(BaseDuration, KnowsEveryNameOfAUnit) {
    for (const char* unit : {"ms", "millisecond", "milliseconds"})
        EXPECT_EQ(ParseDuration(std::string("2") + unit), 2000) << unit;
    for (const char* unit : {"s", "sec", "secs", "second", "seconds", "SECONDS"})
        EXPECT_EQ(ParseDuration(std::string("2") + unit), 2 * kSecond) << unit;
    for (const char* unit : {"m", "min", "mins", "minute", "minutes"})
        EXPECT_EQ(ParseDuration(std::string("2") + unit), 2 * kMinute) << unit;
    for (const char* unit : {"h", "hr", "hrs", "hour", "hours"})
        EXPECT_EQ(ParseDuration(std::string("2") + unit), 2 * kHour) << unit;
    for (const char* unit : {"d", "day", "days"})
        EXPECT_EQ(ParseDuration(std::string("2") + unit), 2 * kDay) << unit;
    for (const char* unit : {"w", "week", "weeks"})
        EXPECT_EQ(ParseDuration(std::string("2") + unit), 14 * kDay) << unit;
    for (const char* unit : {"", "us", "ds", "hs", "month", "mon", "y", "ss", "mss", "minutess", "\xc2\xb5s"})
        EXPECT_EQ(ParseDuration(std::string("2") + unit), std::nullopt) << unit;
}

TEST(BaseDuration, SaysWhatIsWrong) {
    EXPECT_EQ(Problem(""), "number: ");
    EXPECT_EQ(Problem("  "), "number: ");
    EXPECT_EQ(Problem("hours"), "number: hours");
    EXPECT_EQ(Problem("-2 hours"), "number: -2");
    EXPECT_EQ(Problem("1..5s"), "number: 1..5s");
    EXPECT_EQ(Problem("."), "number: .");
    EXPECT_EQ(Problem("1e9 days"), "unit: e");
    EXPECT_EQ(Problem("2"), "unit: ");
    EXPECT_EQ(Problem("2 moons"), "unit: moons");
    EXPECT_EQ(Problem("2 hours ago"), "number: ago");
    EXPECT_EQ(Problem("1s1"), "unit: ");
    EXPECT_EQ(Problem("5 *"), "unit: *");
    EXPECT_EQ(Problem("9999999999999999h"), "number: 9999999999999999h");
    EXPECT_EQ(Problem("367000 days"), "shorter: ");
}

TEST(BaseDuration, IsPrintedInAtMostTwoUnits) {
    EXPECT_EQ(FormatDuration(0), "0 s");
    EXPECT_EQ(FormatDuration(310), "0.3 ms");
    EXPECT_EQ(FormatDuration(2000), "2 ms");
    EXPECT_EQ(FormatDuration(9949), "9.9 ms");
    EXPECT_EQ(FormatDuration(9950), "10 ms");
    EXPECT_EQ(FormatDuration(250'000), "250 ms");
    EXPECT_EQ(FormatDuration(999'499), "999 ms");
    EXPECT_EQ(FormatDuration(999'500), "1 s");
    EXPECT_EQ(FormatDuration(1'250'000), "1.25 s");
    EXPECT_EQ(FormatDuration(9'999'600), "10 s");
    EXPECT_EQ(FormatDuration(30 * kSecond), "30 s");
    EXPECT_EQ(FormatDuration(95 * kSecond), "1 min 35 s");
    EXPECT_EQ(FormatDuration(kHour - 1), "1 h");
    EXPECT_EQ(FormatDuration(22'320 * kSecond), "6 h 12 min");
    EXPECT_EQ(FormatDuration(kDay + kMinute), "1 d");
    EXPECT_EQ(FormatDuration(400 * kDay + kHour + kMinute), "400 d 1 h");
    EXPECT_EQ(FormatDuration(-kMinute), "-1 min");
    EXPECT_EQ(FormatDuration(INT64_MIN).front(), '-');
}

TEST(BaseDuration, WhatIsPrintedIsRead) {
    for (const int64_t length : {int64_t{0}, int64_t{1200}, int64_t{250'000}, 1'250'000 + int64_t{0},
                                 95 * kSecond, 26 * kHour, 9 * kDay})
        EXPECT_EQ(ParseDuration(FormatDuration(length)), length) << length;
}

}  // namespace
}  // namespace pulse
