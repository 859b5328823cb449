// Adding up what batches add to the catalogue of events.
#include "pulse/profile/tally_sum.hpp"

#include <gtest/gtest.h>

#include "profile_json.hpp"

namespace pulse::profile {

namespace {

using testing::TextReader;

Moment At(const char* text) {
    return *ParseMoment(text);
}

void AddAll(TallySum& sum, const TextReader& reader, const json::Value& catalogue, const char* source,
            Moment at) {
    const size_t count = catalogue.Is(json::Type::kObject) ? reader.Count(catalogue) : 0;
    for (size_t i = 0; i < count; ++i) {
        const auto [event, entry] = reader.Member(catalogue, i);
        sum.Add(reader, event, entry, source, at);
    }
}

// Two batches of one property each: a number, then a text.
TallySum TwoBatches() {
    TextReader reader;
    TallySum sum;
    AddAll(sum, reader, reader.Parse(R"({"buy": [3, 2, "2026-11-21T09:10:00Z", "2026-11-21T10:00:00Z",
        {"total": [[0, 2, 0, 0, 0, 0, 0], "2026-11-21T10:00:00Z", [10, 20]]}, {"235713": 1, "235714": 2}]})"),
           "web", At("2026-11-21T10:30:00Z"));
    AddAll(sum, reader, reader.Parse(R"({"buy": [1, 1, "2026-11-19T08:00:00Z", "2026-11-19T08:00:00Z",
        {"total": [[1, 0, 0, 0, 0, 0, 0], "2026-11-19T08:00:00Z", [20, "a \"b\""]]}, {"235664": 1}],
        "look": [1, 0, "2026-11-21T10:00:00Z", "2026-11-21T10:00:00Z", {}, {"235714": 1}]})"),
           "app", At("2026-11-21T10:30:00Z"));
    return sum;
}

TEST(TallySum, AddsEventsAndTheirTimes) {
    const TallySum sum = TwoBatches();
    ASSERT_EQ(sum.events().size(), 2u);
    const TallySum::EventSum& buy = sum.events().find("buy")->second;
    EXPECT_EQ(buy.events, 4);
    EXPECT_EQ(buy.looked_at, 3);
    EXPECT_EQ(buy.first, At("2026-11-19T08:00:00Z"));
    EXPECT_EQ(buy.last, At("2026-11-21T10:00:00Z"));
    EXPECT_EQ(sum.events().find("look")->second.events, 1);
}

TEST(TallySum, CountsPromptAndLateHoursBySource) {
    const TallySum::EventSum buy = TwoBatches().events().find("buy")->second;
    ASSERT_EQ(buy.hours.size(), 3u);
    const TallySum::HourSum prompt = buy.hours.at({"web", 235714}), before = buy.hours.at({"web", 235713}),
                            late = buy.hours.at({"app", 235664});
    EXPECT_EQ(prompt.events, 2);
    EXPECT_EQ(prompt.prompt, 2);
    EXPECT_EQ(prompt.late, 0);
    EXPECT_EQ(before.prompt, 1);
    EXPECT_EQ(late.prompt, 0);
    EXPECT_EQ(late.late, 1);
}

TEST(TallySum, LateBatchesSayNothingOfTheirDay) {
    const TallySum::EventSum buy = TwoBatches().events().find("buy")->second;
    const int64_t day = At("2026-11-21T00:00:00Z") / kDay;
    EXPECT_EQ(buy.looked_at_by_day, (std::map<int64_t, int64_t>{{day, 2}}));
    const TallySum::PropertySum& total = buy.properties.at("total");
    EXPECT_EQ(total.types, (TallySum::Types{1, 2, 0, 0, 0, 0, 0}));
    EXPECT_EQ(total.last, At("2026-11-21T10:00:00Z"));
    EXPECT_EQ(total.days, (std::map<int64_t, TallySum::Types>{{day, {0, 2, 0, 0, 0, 0, 0}}}));
}

TEST(TallySum, KeepsTheFirstFiveDistinctExamples) {
    EXPECT_EQ(TwoBatches().events().find("buy")->second.properties.at("total").examples,
              (std::vector<std::string>{"10", "20", R"("a \"b\"")"}));
    TextReader reader;
    TallySum sum;
    for (const char* values : {"[1, true, 2]", "[2, 3, \"x\", 4]"})
        AddAll(
            sum, reader,
            reader.Parse(std::string(R"({"e": [1, 1, "2026-11-21", "2026-11-21", {"p": [[0, 1, 0, 0, 0, 0, 0],
                    "2026-11-21", )") +
                         values + "]}, {}]}"),
            "web", At("2026-11-21T10:30:00Z"));
    EXPECT_EQ(sum.events().find("e")->second.properties.at("p").examples,
              (std::vector<std::string>{"1", "true", "2", "3", R"("x")"}));
}

TEST(TallySum, DaysAndHoursBefore2000) {
    TextReader reader;
    TallySum sum;
    AddAll(sum, reader,
           reader.Parse(R"({"e": [1, 1, "1999-12-31T23:30:00Z", "1999-12-31T23:30:00Z", {}, {"-1": 1}]})"),
           "web", At("1999-12-31T23:40:00Z"));
    const TallySum::EventSum& event = sum.events().find("e")->second;
    EXPECT_EQ(event.hours.at({"web", -1}).prompt, 1);
    EXPECT_EQ(event.looked_at_by_day, (std::map<int64_t, int64_t>{{-1, 1}}));
}

TEST(TallySum, LeavesOutWhatHasAnotherFormat) {
    TextReader reader;
    for (const char* catalogue :
         {"", "[]", "1", R"({"e": 1})", R"({"e": []})", R"({"e": [1, 1, 2, 3, {}, {}]})",
          R"({"e": [1, 1, "2026-11-21", "2026-11-21", [], {}]})",
          R"({"e": [1, 1, "2026-11-21", "2026-11-21", {}, "x"]})"}) {
        TallySum sum;
        AddAll(sum, reader, reader.Parse(catalogue), "web", 0);
        EXPECT_TRUE(sum.events().empty()) << catalogue;
    }
    TallySum sum;
    AddAll(sum, reader, reader.Parse(R"({"e": ["x", null, "2026-11-21", "2026-11-21",
        {"a": 1, "b": [[1], "2026-11-21", []], "c": [[0, 0, 0, 0, 0, 0, 0], "never", []]}, {"x": 1, "": 2}]})"),
           "web", 0);
    const TallySum::EventSum& event = sum.events().find("e")->second;
    EXPECT_EQ(event.events, 0);
    EXPECT_TRUE(event.properties.empty());
    EXPECT_TRUE(event.hours.empty());
}

TEST(TallySum, KnowsItsSize) {
    EXPECT_EQ(TallySum().size(), 0u);
    const size_t two = TwoBatches().size();
    EXPECT_GT(two, 500u);
    EXPECT_LT(two, 3000u);
    // What is added to a known name of a known hour takes no more room.
    TallySum sum = TwoBatches();
    TextReader reader;
    AddAll(sum, reader, reader.Parse(R"({"look": [1, 0, "2026-11-21T10:00:00Z", "2026-11-21T10:00:00Z", {},
        {"235714": 1}]})"),
           "app", At("2026-11-21T10:30:00Z"));
    EXPECT_EQ(sum.size(), two);
}

}  // namespace

}  // namespace pulse::profile
