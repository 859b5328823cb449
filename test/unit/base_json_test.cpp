#include "pulse/base/json.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "pulse/base/error.hpp"

namespace pulse {
namespace {

TEST(ParseJson, LimitsTheDepth) {
    const auto nested = [](size_t levels) {
        return std::string(levels, '[') + "1" + std::string(levels, ']');
    };
    EXPECT_NO_THROW(ParseJson(nested(3), 3));
    EXPECT_THROW(ParseJson(nested(4), 3), UserError);
    EXPECT_THROW(ParseJson(R"([{"a":[{}]}])", 3), UserError);
    // Brackets in texts are no levels, and those that are closed count no more.
    EXPECT_NO_THROW(ParseJson(R"(["[[[[\"[[[[\\", "[[{{", [], [], [[]]])", 3));
    EXPECT_EQ(ParseJson(R"({"a": "\\\"]"})").dump(), R"({"a":"\\\"]"})");
}

}  // namespace
}  // namespace pulse
