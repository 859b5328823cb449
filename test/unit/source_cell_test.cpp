#include <gtest/gtest.h>

#include <cmath>

#include "pulse/base/error.hpp"
#include "pulse/source/cell.hpp"

namespace pulse::source {
namespace {

TEST(SourceCell, ReadsWhatPostgresPrints) {
    EXPECT_EQ(ToInteger("-9223372036854775808"), INT64_MIN);
    EXPECT_EQ(ToNumber("1e-05"), 1e-5);
    EXPECT_EQ(ToNumber("0.1"), 0.1);
    EXPECT_EQ(ToNumber("-Infinity"), -std::numeric_limits<double>::infinity());
    EXPECT_TRUE(std::isnan(ToNumber("NaN")));
    EXPECT_TRUE(ToBoolean("t"));
    EXPECT_FALSE(ToBoolean("f"));
    EXPECT_EQ(ToNumbers("{}"), std::vector<double>{});
    EXPECT_EQ(ToNumbers("{1}"), std::vector<double>{1});
    EXPECT_EQ(ToNumbers("{1,-2.5,Infinity}"),
              (std::vector<double>{1, -2.5, std::numeric_limits<double>::infinity()}));
    EXPECT_EQ(ToBytes("\\x"), "");
    EXPECT_EQ(ToBytes("\\x00ff41"), std::string("\0\xff"
                                                "A",
                                                3));
}

TEST(SourceCell, RefusesEverythingElse) {
    for (const char* text : {"", " 1", "1 ", "1.5", "9223372036854775808", "one"})
        EXPECT_THROW(ToInteger(text), UserError) << text;
    for (const char* text : {"", "1,5", "zero"}) EXPECT_THROW(ToNumber(text), UserError) << text;
    for (const char* text : {"", "true", "0"}) EXPECT_THROW(ToBoolean(text), UserError) << text;
    for (const char* text : {"", "{", "}", "{1", "{1,,2}", "{NULL}", "1"})
        EXPECT_THROW(ToNumbers(text), UserError) << text;
    for (const char* text : {"", "x00", "\\x0", "\\x0g"}) EXPECT_THROW(ToBytes(text), UserError) << text;
    EXPECT_THROW(ToInteger(std::nullopt), UserError);
    EXPECT_THROW(ToNumbers(std::nullopt), UserError);
}

}  // namespace
}  // namespace pulse::source
