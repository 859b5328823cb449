// What holds for people of whom nothing is recorded, by region.
#include "pulse/profile/consent_region.hpp"

#include <gtest/gtest.h>

namespace pulse::profile {
namespace {

TEST(ConsentRegion, CodesOfIso3166) {
    for (const char* code : {"DE", "US", "US-CA", "US-AK", "ES-CT", "FR-75C", "GB-ENG", "JP-13"})
        EXPECT_TRUE(IsRegion(code)) << code;
    for (const char* text :
         {"", "D", "de", "DEU", "US-", "US_CA", "US-ca", "US-CALI", "USA-CA", "-CA", "1A", "US-C A"})
        EXPECT_FALSE(IsRegion(text)) << text;
}

TEST(ConsentRegion, OfAttributes) {
    EXPECT_EQ(RegionOf("US", "CA"), "US-CA");
    EXPECT_EQ(RegionOf("us", "ca"), "US-CA");
    EXPECT_EQ(RegionOf("", "US-CA"), "US-CA");
    EXPECT_EQ(RegionOf("US", "US-CA"), "US-CA");
    EXPECT_EQ(RegionOf("DE", ""), "DE");
    EXPECT_EQ(RegionOf("DE", "Bavaria"), "DE");
    // CA alone may be Canada or California, and a name is no code.
    EXPECT_EQ(RegionOf("", "CA"), "");
    EXPECT_EQ(RegionOf("Germany", "BY"), "");
    EXPECT_EQ(RegionOf("", ""), "");
}

TEST(ConsentRegion, TheMoreSpecificCounts) {
    const std::vector<ConsentDefault> defaults{{"DE", false}, {"US", true}, {"US-CA", false}};
    EXPECT_TRUE(GrantedWithoutRecord(defaults, false, "US-NY"));
    EXPECT_FALSE(GrantedWithoutRecord(defaults, true, "US-CA"));
    EXPECT_FALSE(GrantedWithoutRecord(defaults, true, "DE"));
    EXPECT_FALSE(GrantedWithoutRecord(defaults, true, "DE-BY"));
    EXPECT_TRUE(GrantedWithoutRecord(defaults, true, "BR"));
    EXPECT_FALSE(GrantedWithoutRecord(defaults, false, "BR"));
}

TEST(ConsentRegion, AnUnknownOneGetsTheStrictest) {
    EXPECT_FALSE(GrantedWithoutRecord({{"DE", false}}, true, ""));
    EXPECT_FALSE(GrantedWithoutRecord({{"US", true}}, false, ""));
    EXPECT_TRUE(GrantedWithoutRecord({{"US", true}}, true, ""));
    EXPECT_TRUE(GrantedWithoutRecord({}, true, ""));
    EXPECT_FALSE(GrantedWithoutRecord({}, false, ""));
}

TEST(ConsentRegion, AnUnknownPartOfACountryGetsTheStrictestOfTheCountry) {
    const std::vector<ConsentDefault> defaults{
        {"CA", false}, {"US", true}, {"US-CA", false}, {"FR-IDF", true}};
    EXPECT_FALSE(GrantedWithoutRecord(defaults, true, RegionOf("US", "California")));
    EXPECT_TRUE(GrantedWithoutRecord(defaults, false, RegionOf("US", "NY")));
    EXPECT_TRUE(GrantedWithoutRecord(defaults, true, "FR"));
    EXPECT_FALSE(GrantedWithoutRecord(defaults, false, "FR"));
}

}  // namespace
}  // namespace pulse::profile
