#include "pulse/base/json_text.hpp"

#include <gtest/gtest.h>

namespace pulse {
namespace {

std::string Repaired(const std::string& text) {
    std::string storage;
    const auto repaired = RepairJson(text, storage);
    return repaired ? std::string(*repaired) : "(no JSON)";
}

TEST(JsonText, WhatJsonbHoldsStays) {
    for (const char* text : {"{}", "[]", " [ 1 , 2.5e3, -0.1, true,false , null ] ",
                             R"({"a":{"b":[{}]},"c":"\"\\\/\b\n\u00e9"})", R"("\ud83d\ude00")",
                             R"("\\u0000")", R"("\\\\ud800")", "1e131071", "1e-16383", "\"\xc3\xa9\"", "0"})
        EXPECT_EQ(Repaired(text), text);
}

TEST(JsonText, CharactersThatNoTextHolds) {
    EXPECT_EQ(Repaired(R"({"a":"x\u0000y","b":1})"), R"({"a":"x\ufffdy","b":1})");
    EXPECT_EQ(Repaired(R"(["\ud83d","\ude00","\ud83d\ud83d\ude00","\\\u0000"])"),
              R"(["\ufffd","\ufffd","\ufffd\ud83d\ude00","\\\ufffd"])");
    EXPECT_EQ(Repaired(R"({"\u0000":1})"), R"({"\ufffd":1})");
}

TEST(JsonText, NumbersBeyondNumeric) {
    EXPECT_EQ(Repaired("[1e131072,-1e200000,1e-20000,12e99999999999]"),
              R"(["1e131072","-1e200000","1e-20000","12e99999999999"])");
}

TEST(JsonText, ContainersThatAreTooDeep) {
    std::string deep = std::string(5000, '[') + std::string(5000, ']');
    EXPECT_EQ(Repaired(deep),
              std::string(kDeepestJsonText, '[') + "null" + std::string(kDeepestJsonText, ']'));
    deep = std::string(5000, '[') + R"("\u0000")" + std::string(5000, ']') + " ";
    EXPECT_EQ(Repaired("[" + deep + ",1]"),
              std::string(kDeepestJsonText, '[') + "null" + std::string(kDeepestJsonText - 1, ']') + " ,1]");
}

TEST(JsonText, WhatIsNoJson) {
    for (const char* text :
         {"",    "{",   "[1,]",    "{\"a\"}",   "{\"a\":}", "{a:1}", "[1 2]", "01",  "1.",   "1e",  "+1",
          "tru", "\"a", "\"\\x\"", "\"\\u12\"", "\"a\nb\"", "[}",    "{]",    "1 2", "[1]]", "nan", "-"})
        EXPECT_EQ(Repaired(text), "(no JSON)") << text;
}

}  // namespace
}  // namespace pulse
