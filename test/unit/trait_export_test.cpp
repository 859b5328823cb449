#include <gtest/gtest.h>

#include "pulse/trait/export_file.hpp"
#include "pulse/trait/export_token.hpp"

namespace pulse::trait {

namespace {

constexpr int64_t kId = 42, kExpires = 1'900'000'000;

TEST(TraitExport, FieldsAreQuoted) {
    EXPECT_EQ(CsvField(""), "\"\"");
    EXPECT_EQ(CsvField("u1"), "\"u1\"");
    EXPECT_EQ(CsvField("a \"b\", c\nd"), "\"a \"\"b\"\", c\nd\"");
    EXPECT_EQ(CsvField("\"\""), "\"\"\"\"\"\"");
}

TEST(TraitExport, NoFieldIsAFormula) {
    for (const char* text : {"=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1",
                             "\xEF\xBC\x9D"
                             "1",
                             "\xEF\xBC\x8B"
                             "1",
                             "\xEF\xBC\x8D"
                             "1",
                             "\xEF\xBC\xA0"
                             "a"})
        EXPECT_EQ(CsvField(text), "\"'" + std::string(text) + "\"") << text;
    for (const char* text : {"a=1", "1-1", "u@example.com", " =1", "\xEF\xBC", "\xEF\xBC\x9E"})
        EXPECT_EQ(CsvField(text), "\"" + std::string(text) + "\"") << text;
    EXPECT_EQ(CsvField("=HYPERLINK(\"x\")"), "\"'=HYPERLINK(\"\"x\"\")\"");
}

TEST(TraitExport, Line) {
    std::string csv = ExportHeader();
    ExportRow row;
    row.person = 7;
    row.created_at = 0;
    row.since = kHour + kSecond / 2;
    row.updated_at = kDay;
    row.external_id = "u1";
    AppendExportRow(csv, row);
    EXPECT_EQ(
        csv,
        "user_id,created_at,in_segment,since,updated_at,device_id,external_id,email_hash\n"
        "\"profile:7\",\"2000-01-01T00:00:00Z\",\"true\",\"2000-01-01T01:00:00.500000Z\",\"2000-01-02T00:00:00Z\",\"\",\"u1\",\"\"\n");
}

TEST(TraitExport, FileNames) {
    EXPECT_EQ(ExportFileName("segment", "buyers", 0, "csv"), "segment_buyers_2000-01-01.csv");
    EXPECT_EQ(ExportFileName("segment", "High-Value v1.2", kDay, "csv"),
              "segment_High-Value_v1.2_2000-01-02.csv");
    EXPECT_EQ(ExportFileName("segment", "../../etc/x", 0, "csv"), "segment_.._.._etc_x_2000-01-01.csv");
    EXPECT_EQ(ExportFileName("segment", "a\"\r\n; b", 0, "csv"), "segment_a_b_2000-01-01.csv");
    EXPECT_EQ(ExportFileName("segment", "K\xC3\xA4ufer", 0, "csv"), "segment_K_ufer_2000-01-01.csv");
    EXPECT_EQ(ExportFileName("segment", std::string(1000, 'a'), 0, "csv"),
              "segment_" + std::string(100, 'a') + "_2000-01-01.csv");
}

TEST(TraitExport, Hash) {
    ExportHash hash;
    hash.Add("a");
    hash.Add("bc");
    EXPECT_EQ(hash.Digits(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(TraitExportToken, RoundTrip) {
    const std::string secret(32, 's');
    const std::string text = MakeExportToken(kId, kExpires, secret);
    EXPECT_EQ(text.find_first_not_of("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"),
              std::string::npos);
    const auto token = ReadExportToken(text);
    ASSERT_TRUE(token);
    EXPECT_EQ(token->id, kId);
    EXPECT_EQ(token->expires, kExpires);
    EXPECT_TRUE(IsSignedWith(*token, secret));
    EXPECT_FALSE(IsSignedWith(*token, std::string(32, 't')));
}

TEST(TraitExportToken, EveryPartIsSigned) {
    const std::string secret(32, 's');
    const std::string text = MakeExportToken(kId, kExpires, secret);
    for (size_t i = 0; i < text.size(); ++i) {
        std::string other = text;
        other[i] = other[i] == '1' ? '2' : '1';
        const auto token = ReadExportToken(other);
        EXPECT_FALSE(token && IsSignedWith(*token, secret)) << other;
    }
}

TEST(TraitExportToken, OtherTexts) {
    for (const char* text : {"", "-", "--", "42", "42-", "42-1900000000", "42-1900000000-",
                             "-42-1900000000-x", "042-1900000000-x", "0-1-x", "42--1-x",
                             "99999999999999999999-1-x", "+42-1-x", " 42-1-x", "42 -1-x", "x-1-x"})
        EXPECT_FALSE(ReadExportToken(text)) << text;
    EXPECT_FALSE(ReadExportToken("1-1-" + std::string(1'000'000, 'x')));
}

}  // namespace

}  // namespace pulse::trait
