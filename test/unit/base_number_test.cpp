#include <gtest/gtest.h>

#include "pulse/base/number.hpp"

namespace pulse {
namespace {

TEST(BaseNumber, ThousandsAreSeparated) {
    EXPECT_EQ(Thousands(0), "0");
    EXPECT_EQ(Thousands(999), "999");
    EXPECT_EQ(Thousands(1000), "1,000");
    EXPECT_EQ(Thousands(-999), "-999");
    EXPECT_EQ(Thousands(-1000), "-1,000");
    EXPECT_EQ(Thousands(1234567), "1,234,567");
    EXPECT_EQ(Thousands(INT64_MAX), "9,223,372,036,854,775,807");
    EXPECT_EQ(Thousands(INT64_MIN), "-9,223,372,036,854,775,808");
}

TEST(BaseNumber, OneIsSingular) {
    EXPECT_EQ(Plural(0, "row"), "0 rows");
    EXPECT_EQ(Plural(1, "row"), "1 row");
    EXPECT_EQ(Plural(1234, "row"), "1,234 rows");
}

}  // namespace
}  // namespace pulse
