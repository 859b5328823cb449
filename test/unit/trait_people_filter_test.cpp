// Reading the filter of pulse_find_profiles(), and places in its results.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "pulse/base/error.hpp"
#include "pulse/trait/people_filter.hpp"

namespace pulse::trait {

namespace {

PeopleFilter Read(const char* text) {
    return ReadPeopleFilter(nlohmann::json::parse(text));
}

std::string Problem(const char* text) {
    try {
        Read(text);
    } catch (const UserError& error) {
        return error.state() + " " + error.message();
    }
    return "";
}

}  // namespace

TEST(TraitPeopleFilter, EverybodyNewestFirst) {
    const PeopleFilter filter = Read("{}");
    EXPECT_TRUE(filter.query.empty() && !filter.ids && filter.segments.empty());
    EXPECT_EQ(filter.order, PeopleOrder::kCreated);
    EXPECT_TRUE(filter.descending);
    EXPECT_EQ(Read(R"({"query": " \n\t"})").query, "");
    EXPECT_EQ(Read(R"({"query": " a b "})").query, "a b");
    EXPECT_FALSE(Read(R"({"direction": "asc"})").descending);
}

TEST(TraitPeopleFilter, OrderFollowsTheRangeUnlessGiven) {
    EXPECT_EQ(Read(R"({"last_seen_from": "2026-01-01"})").order, PeopleOrder::kLastSeen);
    EXPECT_EQ(Read(R"({"first_seen_to": "2026-01-01"})").order, PeopleOrder::kFirstSeen);
    EXPECT_EQ(Read(R"({"first_seen_to": "2026-01-01", "last_seen_to": "2026-01-01"})").order,
              PeopleOrder::kLastSeen);
    EXPECT_EQ(Read(R"({"last_seen_from": "2026-01-01", "sort": "created"})").order, PeopleOrder::kCreated);
}

TEST(TraitPeopleFilter, RangesIncludeTheirBeginningOnly) {
    const MomentRange range{10, 20};
    EXPECT_FALSE(range.Contains(9));
    EXPECT_TRUE(range.Contains(10) && range.Contains(19));
    EXPECT_FALSE(range.Contains(20));
    EXPECT_TRUE(MomentRange{}.Contains(0) && !MomentRange{}.Given());
}

TEST(TraitPeopleFilter, RefusesWhatItDoesNotKnow) {
    EXPECT_EQ(Problem(R"({"segment": []})"), "22023 unknown key \"segment\" in the filter");
    EXPECT_EQ(Problem("[]"), "22023 the filter must be an object");
    EXPECT_EQ(Problem(R"({"ids": ["u", 1]})"), "22023 \"ids\" must be a list of texts");
    EXPECT_EQ(Problem(R"({"min_events": 2, "max_events": 1})"),
              "22023 \"max_events\" must not be below \"min_events\"");
    EXPECT_EQ(Problem(R"({"sort": "events"})"), "22023 \"sort\" is not an order");
    nlohmann::json many = {{"segments", std::vector<std::string>(21, "s")}};
    EXPECT_EQ(Problem(many.dump().c_str()).substr(0, 5), "54000");
}

TEST(TraitPeopleFilter, PlacesComeBackUnchanged) {
    for (const char* text :
         {"{}", R"({"sort": "last_seen"})", R"({"sort": "first_seen", "direction": "asc"})"}) {
        const PeopleFilter filter = Read(text);
        for (const PeoplePlace& place :
             {PeoplePlace{}, PeoplePlace{-5, 7}, PeoplePlace{INT64_MAX, INT64_MIN}}) {
            const PeoplePlace again = ReadPlace(filter, WritePlace(filter, place));
            EXPECT_EQ(again.moment, place.moment);
            EXPECT_EQ(again.id, place.id);
        }
    }
    const PeopleFilter filter = Read("{}");
    for (const char* text : {"", "created desc", "created desc ", "created desc 1", "created desc 1 ",
                             "created desc 1 2 ", "created desc 1 x", "created asc 1 2", "last_seen desc 1 2",
                             "created desc 99999999999999999999 2", "created desc 1\t2"})
        EXPECT_THROW(ReadPlace(filter, text), UserError) << text;
}

}  // namespace pulse::trait
