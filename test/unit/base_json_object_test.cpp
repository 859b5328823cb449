#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "pulse/base/error.hpp"
#include "pulse/base/json_object.hpp"
#include "pulse/base/suggest.hpp"

namespace pulse {
namespace {

using Json = nlohmann::json;

std::string Refusal(const std::function<void()>& read) {
    try {
        read();
    } catch (const UserError& error) {
        return error.state() + " " + error.message() + " | " + error.detail() + " | " + error.hint();
    }
    return "accepted";
}

TEST(BaseJsonObject, IsAnObjectWithKnownKeys) {
    const std::vector<std::string> keys = {"min", "max"};
    const auto open = [&](const Json& json) {
        return Refusal([&] { JsonObject(json, {"the range"}, keys, R"({"min": 1})"); });
    };
    EXPECT_EQ(open({{"min", 1}, {"max", nullptr}}), "accepted");
    EXPECT_EQ(open(Json::object()), "accepted");
    EXPECT_EQ(open(5), R"(22023 the range must be an object | It is 5. | Give for example {"min": 1}.)");
    EXPECT_EQ(open(Json::array({1})),
              R"(22023 the range must be an object | It is [1]. | Give for example {"min": 1}.)");
    EXPECT_EQ(open({{"mx", 1}}),
              R"(22023 unknown key "mx" in the range | Keys are "min", "max". | Did you mean "max"?)");
    EXPECT_EQ(open({{"average", 1}}),
              R"(22023 unknown key "average" in the range |  | Keys are "min", "max".)");
    EXPECT_LT(open(std::string(1000, 'x')).size(), 300u);
}

TEST(BaseJsonObject, KeysOfAnotherObjectHaveAHint) {
    const std::vector<Elsewhere> places = {{{"alarm"}, ""},
                                           {{"owner", "tags", "alarm"}, "It is an argument: % => ..."},
                                           {{"maxx", "owner", "maxxx"}, "It belongs to % of the other."}};
    const auto open = [&](const char* key) {
        const Json json = {{key, 1}};
        return Refusal([&] { JsonObject(json, {"the range", {}, "Here.", &places}, {"min", "max"}, ""); });
    };
    EXPECT_EQ(open("owner"),
              R"(22023 unknown key "owner" in the range | Here. | It is an argument: owner => ...)");
    EXPECT_EQ(open("alarm"), R"(22023 unknown key "alarm" in the range | Here. | Keys are "min", "max".)");
    // A name that is nearly valid here is more likely a typing error.
    EXPECT_TRUE(open("maxx").ends_with(R"(| Did you mean "max"?)"));
    EXPECT_TRUE(open("maxxx").ends_with("| It belongs to maxxx of the other."));
}

TEST(BaseJsonObject, ReadsWhatKeysHave) {
    const Json json = {{"text", "a"},          {"empty", ""},         {"number", 2.5},
                       {"yes", true},          {"null", nullptr},     {"list", {1, 2, 3}},
                       {"time", "2026-03-01"}, {"object", {{"a", 1}}}};
    const JsonObject object(json, {"it"}, "");
    EXPECT_EQ(object.Text("text"), "a");
    EXPECT_EQ(object.Text("empty"), "");
    EXPECT_EQ(object.Number("number", 0, 3), 2.5);
    EXPECT_EQ(object.Boolean("yes"), true);
    EXPECT_EQ(object.Time("time"), ParseMoment("2026-03-01"));
    EXPECT_EQ(object.List("list", 3)->size(), 3u);
    EXPECT_EQ(object.Object("object")->size(), 1u);
    for (const char* key : {"null", "missing"}) {
        EXPECT_EQ(object.Find(key), nullptr);
        EXPECT_EQ(object.Text(key), std::nullopt);
        EXPECT_EQ(object.Number(key, 0, 1), std::nullopt);
        EXPECT_EQ(object.Boolean(key), std::nullopt);
        EXPECT_EQ(object.Time(key), std::nullopt);
        EXPECT_EQ(object.List(key), nullptr);
        EXPECT_EQ(object.Object(key), nullptr);
    }
}

TEST(BaseJsonObject, NamesThePlaceOfAnError) {
    const Json json = {{"a", 5}, {"b", "x"}, {"list", {1, 2}}, {"big", 101}};
    const JsonObject quoted(json, {"it"}, ""), whole(json, {"it", ""}, ""),
        inner(json, {"it", "rules[0]", "In check 1."}, "");
    EXPECT_EQ(Refusal([&] { quoted.Text("a"); }), R"(22023 "a" must be a text | It is 5. | )");
    EXPECT_EQ(Refusal([&] { whole.Text("a", "Give one."); }),
              "22023 a must be a text | It is 5. | Give one.");
    EXPECT_EQ(Refusal([&] { inner.Text("a"); }), "22023 rules[0].a must be a text | In check 1. It is 5. | ");
    EXPECT_EQ(Refusal([&] { inner.Fail("no"); }), "22023 no | In check 1. | ");
    EXPECT_EQ(Refusal([&] { quoted.Boolean("a"); }), R"(22023 "a" must be true or false | It is 5. | )");
    EXPECT_EQ(Refusal([&] { quoted.Number("big", 0, 100); }),
              R"(22023 "big" must be a number from 0 to 100 | It is 101. | )");
    EXPECT_EQ(Refusal([&] { quoted.Number("b", -0.5, 1e18); }),
              R"(22023 "b" must be a number from -0.5 to 1e+18 | It is "x". | )");
    EXPECT_TRUE(
        Refusal([&] { quoted.Time("b"); }).starts_with(R"(22023 "b" must be a date or time | It is "x".)"));
    EXPECT_TRUE(
        Refusal([&] { quoted.Time("a"); }).starts_with(R"(22023 "a" must be a date or time | It is 5.)"));
    EXPECT_EQ(Refusal([&] { quoted.List("a"); }), R"(22023 "a" must be a list | It is 5. | )");
    EXPECT_EQ(Refusal([&] { quoted.Object("list"); }), R"(22023 "list" must be an object | It is [1,2]. | )");
    EXPECT_EQ(Refusal([&] { quoted.List("list", 1); }),
              R"(54000 "list" is too long | It has 2 elements. | At most 1 are allowed.)");
    EXPECT_EQ(Refusal([&] { quoted.Refuse("missing", "must be there"); }),
              R"(22023 "missing" must be there |  | )");
}

TEST(BaseSuggest, TheNearestNameOrAll) {
    const std::vector<std::string> names = {"country", "plan", "created_at"};
    EXPECT_EQ(SuggestName("contry", names, "Columns"), R"(Did you mean "country"?)");
    EXPECT_EQ(SuggestName("PLAN", names, "Columns"), R"(Did you mean "plan"?)");
    EXPECT_EQ(SuggestName("paln", names, "Columns"), R"(Did you mean "plan"?)");
    EXPECT_EQ(SuggestName("zzz", names, "Columns"), R"(Columns are "country", "plan", "created_at".)");
    EXPECT_EQ(SuggestName("", names, "Columns"), R"(Columns are "country", "plan", "created_at".)");
    // Nothing of the name is left in it.
    EXPECT_EQ(SuggestName("", {"f"}, "Flags"), R"(Flags are "f".)");
    EXPECT_EQ(SuggestName("x", {"f"}, "Flags"), R"(Flags are "f".)");
    EXPECT_EQ(SuggestName("F", {"f"}, "Flags"), R"(Did you mean "f"?)");
    EXPECT_EQ(SuggestName(std::string(129, 'a'), {std::string(129, 'a')}, "Columns").substr(0, 11),
              "Columns are");
    const std::vector<std::string> many(21, "abcdefgh");
    EXPECT_TRUE(ListNames(many, "Keys").ends_with("\"abcdefgh\", …"));
    EXPECT_EQ(ListNames({"a"}, "Keys", [](std::string_view name) { return std::string(name); }),
              "Keys are a.");
}

}  // namespace
}  // namespace pulse
