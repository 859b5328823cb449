#include "pulse/base/error.hpp"
#include "pulse/base/time.hpp"

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
}

TEST(BaseTime, HandlesLeapDays) {
    // 2011-03-01 is 4077 days after 2000-01-01; 2012-02-29 is 365 days later.
    EXPECT_EQ(FormatDate(4077 * kDay), "2011-03-01");
    EXPECT_EQ(FormatDate((4077 + 365) * kDay), "2012-02-29");
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
