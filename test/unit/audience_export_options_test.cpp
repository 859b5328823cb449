// What pulse_export_audience() is asked for.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "pulse/audience/export_options.hpp"
#include "pulse/base/error.hpp"

namespace pulse::audience {

namespace {

ExportOptions ReadOptions(const char* json) {
    return ReadExportOptions(nlohmann::json::parse(json));
}

}  // namespace

TEST(AudienceExportOptions, Defaults) {
    const ExportOptions options = ReadOptions("{}");
    EXPECT_EQ(options.columns.size(), 8u);
    EXPECT_FALSE(options.events);
    EXPECT_FALSE(options.hashed);
    EXPECT_FALSE(options.filter);
}

TEST(AudienceExportOptions, Columns) {
    const ExportOptions options = ReadOptions(
        R"x({"columns": ["trait.a\"b", "identity.email", "profile.a.b", "profile.*", "rfm.group", {"name": "n", "rule": "1"}]})x");
    EXPECT_EQ(options.columns[0].argument, "trait(\"a\\\"b\")");
    EXPECT_EQ(options.columns[1].kind, ExportColumnKind::kIdentity);
    EXPECT_EQ(options.columns[2].argument, "a.b");
    EXPECT_EQ(options.columns[3].name, "profile");
    EXPECT_EQ(options.columns[4].kind, ExportColumnKind::kRule);
    EXPECT_EQ(options.columns[5].name, "n");
    for (const char* bad :
         {R"({"columns": ["trait."]})", R"({"columns": ["identity."]})", R"({"columns": [""]})",
          R"({"columns": [null]})", R"({"columns": [{"name": "", "rule": "1"}]})"})
        EXPECT_THROW(ReadOptions(bad), UserError) << bad;
}

TEST(AudienceExportOptions, Events) {
    EXPECT_EQ(ReadOptions(R"({"events": true})").events->days, 30);
    EXPECT_EQ(ReadOptions(R"({"events": {"days": 7, "names": ["a"]}})").events->names.size(), 1u);
    EXPECT_FALSE(ReadOptions(R"({"events": false})").events);
    EXPECT_THROW(ReadOptions(R"({"events": {"most": 0}})"), UserError);
}

TEST(AudienceExportOptions, HashedHidesPlainIds) {
    EXPECT_THROW(ReadOptions(R"({"columns": ["profile.phone"], "hashed": true})"), UserError);
    EXPECT_TRUE(ReadOptions(R"({"columns": ["profile.plan"], "hashed": true})").hashed);
    EXPECT_TRUE(IsHashedKind("email_hash"));
    EXPECT_FALSE(IsHashedKind("email"));
}

TEST(AudienceExportOptions, Formats) {
    EXPECT_EQ(ReadExportFormat("json"), ExportFormat::kJsonLines);
    EXPECT_THROW(ReadExportFormat("CSV"), UserError);
}

}  // namespace pulse::audience
