#include "pulse/base/error.hpp"
#include "pulse/base/time.hpp"
#include "pulse/base/time_text.hpp"

#include <gtest/gtest.h>

namespace pulse {
namespace {

TEST(BaseTime, EpochIsTheYear2000) {
    EXPECT_EQ(FormatMoment(0), "2000-01-01 00:00:00+00");
    EXPECT_EQ(FormatDate(0), "2000-01-01");
}

TEST(BaseTime, KeepsMicroseconds) {
    EXPECT_EQ(FormatMoment(kHour + 2 * kMinute + 3 * kSecond + 4), "2000-01-01 01:02:03.000004+00");
}

TEST(BaseTime, BeforeTheEpochDaysRoundDown) {
    EXPECT_EQ(FormatMoment(-1), "1999-12-31 23:59:59.999999+00");
    EXPECT_EQ(FormatDate(-1), "1999-12-31");
    EXPECT_EQ(FormatMinute(-1), "1999-12-31 23:59 UTC");
}

TEST(BaseTime, HandlesLeapDays) {
    // 2011-03-01 is 4077 days after 2000-01-01; 2012-02-29 is 365 days later.
    EXPECT_EQ(FormatDate(4077 * kDay), "2011-03-01");
    EXPECT_EQ(FormatDate((4077 + 365) * kDay), "2012-02-29");
}

std::string Epoch(std::string_view seconds) {
    const auto moment = ParseEpoch(seconds);
    return moment ? FormatMoment(*moment) : "none";
}

std::string UnixTime(std::string_view number) {
    const auto moment = ParseUnixTime(number);
    return moment ? FormatMoment(*moment) : "none";
}

TEST(BaseTime, EpochsAreRoundedHalfAwayFromZero) {
    EXPECT_EQ(Epoch("0.0000004999"), "1970-01-01 00:00:00+00");
    EXPECT_EQ(Epoch("0.0000005"), "1970-01-01 00:00:00.000001+00");
    EXPECT_EQ(Epoch("-0.0000004999"), "1970-01-01 00:00:00+00");
    EXPECT_EQ(Epoch("-0.0000005"), "1969-12-31 23:59:59.999999+00");
    EXPECT_EQ(Epoch("1.9999995"), "1970-01-01 00:00:02+00");
    EXPECT_EQ(UnixTime("1710028800.0000005"), "2024-03-10 00:00:00.000001+00");
    EXPECT_EQ(UnixTime("1710028800000.0005"), "2024-03-10 00:00:00.000001+00");
    EXPECT_EQ(UnixTime("1710028800000.0004"), "2024-03-10 00:00:00+00");
    EXPECT_EQ(UnixTime("-1710028800000.0005"), "1915-10-24 23:59:59.999999+00");
}

TEST(BaseTime, LargeNumbersAreMilliseconds) {
    EXPECT_EQ(Epoch("100000000000"), "5138-11-16 09:46:40+00");
    EXPECT_EQ(UnixTime("99999999999"), "5138-11-16 09:46:39+00");
    EXPECT_EQ(UnixTime("100000000000"), "1973-03-03 09:46:40+00");
    EXPECT_EQ(UnixTime("-100000000000"), "1966-10-31 14:13:20+00");
}

TEST(BaseTime, EpochsAreInTheYearsOneToNineThousand) {
    EXPECT_EQ(Epoch("253402300799.999999"), "9999-12-31 23:59:59.999999+00");
    EXPECT_EQ(Epoch("253402300799.9999995"), "none");
    EXPECT_EQ(UnixTime("253402300799999.999"), "9999-12-31 23:59:59.999999+00");
    EXPECT_EQ(UnixTime("253402300800000"), "none");
    EXPECT_EQ(Epoch("-62135596800"), "0001-01-01 00:00:00+00");
    EXPECT_EQ(Epoch("-62135596800.000001"), "none");
    for (const char* text :
         {"", "-", ".", "1.", ".5", "1e3", "+1", " 1", "1_0", "--1", "1.-5", "9999999999999999"}) {
        EXPECT_EQ(Epoch(text), "none") << text;
        EXPECT_EQ(UnixTime(text), "none") << text;
    }
}

TEST(BaseError, KeepsStateMessageDetailAndHint) {
    const UserError error(sqlstate::kUndefinedColumn, "message", "Detail.", "Hint.");
    EXPECT_EQ(error.state(), "42703");
    EXPECT_STREQ(error.what(), "message");
    EXPECT_EQ(error.detail(), "Detail.");
    EXPECT_EQ(error.hint(), "Hint.");
}

}  // namespace
}  // namespace pulse
