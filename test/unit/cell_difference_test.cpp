// The document of definitions, the difference and its order.
#include "pulse/cell/difference.hpp"

#include <gtest/gtest.h>

#include "pulse/base/error.hpp"

namespace pulse::cell {

namespace {

using Type = DefinitionField::Type;

void AddTestUses(const std::string&, const Json& definition, std::vector<DefinitionUse>& uses) {
    for (const Json& name : definition.value("needs", Json::array()))
        uses.push_back({"test_part", name.get<std::string>()});
}

const bool registered =
    RegisterDefinitionKind({.name = "test_part",
                            .order = 1,
                            .tables = {"test_part"},
                            .read = "",
                            .fields = {{.key = "text", .required = true},
                                       {.key = "note", .absent = "\"\""},
                                       {.key = "kept"},
                                       {.key = "size", .type = Type::kNumber, .absent = "3"},
                                       {.key = "needs", .type = Type::kTexts, .absent = "[]"}},
                            .create = "make_part",
                            .update = "change_part",
                            .remove = "drop_part",
                            .uses = AddTestUses});

Json DocumentOf(const Json& parts) {
    return {{"format", 1}, {"definitions", {{"test_part", parts}}}};
}

Definitions Read(const Json& parts) {
    return ReadDocument(DocumentOf(parts));
}

std::vector<DifferenceRow> DifferenceOf(const Json& here, const Json& wanted, bool prune = false) {
    return FindDifference(Read(here), Read(wanted), {}, prune);
}

std::string NamesOf(const std::vector<DifferenceRow>& rows) {
    std::string names;
    for (const DifferenceRow& row : rows)
        names += (names.empty() ? "" : " ") + std::string(Name(row.change)) + ":" + row.name;
    return names;
}

TEST(CellDocument, IsCanonical) {
    ASSERT_TRUE(registered);
    const Json given = {
        {"a", {{"text", "x"}, {"note", ""}, {"size", 3}, {"needs", Json::array()}, {"kept", nullptr}}}};
    EXPECT_EQ(WriteDocument(Read(given), {"test_part"}), DocumentOf({{"a", {{"text", "x"}}}}));
    const Json document = WriteDocument(Read({{"a", {{"text", "x"}, {"size", 4}}}}), {"test_part"});
    EXPECT_EQ(WriteDocument(ReadDocument(document), {"test_part"}), document);
}

TEST(CellDocument, RefusesWhatItDoesNotKnow) {
    EXPECT_THROW(Read({{"a", {{"text", "x"}, {"colour", 1}}}}), UserError);
    EXPECT_THROW(Read({{"a", {{"note", "x"}}}}), UserError);
    EXPECT_THROW(Read({{"a", {{"text", 1}}}}), UserError);
    EXPECT_THROW(Read({{"a", {{"text", "x"}, {"needs", {1}}}}}), UserError);
    EXPECT_THROW(ReadDocument({{"format", 1}, {"definitions", {{"nothing", Json::object()}}}}), UserError);
    EXPECT_THROW(WriteDocument({}, {"nothing"}), UserError);
}

TEST(CellDifference, StandsAfterWhatItUses) {
    EXPECT_EQ(NamesOf(DifferenceOf(Json::object(), {{"a", {{"text", "x"}, {"needs", {"c"}}}},
                                                    {"b", {{"text", "x"}}},
                                                    {"c", {{"text", "x"}, {"needs", {"b"}}}}})),
              "create:b create:c create:a");
    // What leads back to itself is refused when it is written; the order only has to end.
    EXPECT_EQ(DifferenceOf(Json::object(), {{"a", {{"text", "x"}, {"needs", {"b"}}}},
                                            {"b", {{"text", "x"}, {"needs", {"a", "b"}}}}})
                  .size(),
              2u);
    // Removed the other way round, and only if asked.
    const Json here = {{"a", {{"text", "x"}}}, {"b", {{"text", "x"}, {"needs", {"a"}}}}};
    EXPECT_EQ(NamesOf(DifferenceOf(here, Json::object(), true)), "remove:b remove:a");
    EXPECT_EQ(NamesOf(DifferenceOf(here, Json::object())), "only here:a only here:b");
    EXPECT_TRUE(
        FindDifference(Read(here), ReadDocument({{"format", 1}, {"definitions", Json::object()}}), {}, true)
            .empty());
}

TEST(CellDifference, LongChainsNeedNoStack) {
    Json parts = Json::object();
    constexpr int kLong = 5'000;
    for (int i = 0; i < kLong; ++i)
        parts["p" + std::to_string(i)] = {{"text", "x"}, {"needs", {"p" + std::to_string(i + 1)}}};
    parts["p" + std::to_string(kLong)] = {{"text", "x"}};
    const std::vector<DifferenceRow> rows = DifferenceOf(Json::object(), parts);
    ASSERT_EQ(rows.size(), static_cast<size_t>(kLong) + 1);
    EXPECT_EQ(rows.front().name, "p" + std::to_string(kLong));
    EXPECT_EQ(rows.back().name, "p0");
}

TEST(CellDifference, ChangesOnlyWhatDiffers) {
    const std::vector<DifferenceRow> rows =
        DifferenceOf({{"a", {{"text", "x"}, {"note", "old"}, {"kept", "k"}, {"size", 4}}}},
                     {{"a", {{"text", "it's \\"}}}});
    ASSERT_EQ(rows.size(), 1u);
    ASSERT_EQ(rows[0].calls.size(), 1u);
    EXPECT_EQ(rows[0].calls[0].Sql(),
              "SELECT change_part(name => 'a', text => E'it''s \\\\', note => '', size => '3');");
    EXPECT_EQ(rows[0].differs,
              (std::vector<std::string>{"note: old -> nothing", "size: 4 -> 3", "text: x -> it's \\"}));
    EXPECT_EQ(NamesOf(DifferenceOf({{"a", {{"text", "x"}, {"kept", "k"}}}}, {{"a", {{"text", "x"}}}})),
              "unchanged:a");
}

TEST(CellDifference, NamesWhatIsMissing) {
    const std::vector<DifferenceRow> rows =
        DifferenceOf({{"b", {{"text", "x"}}}}, {{"a", {{"text", "x"}, {"needs", {"b", "c", "a"}}}}});
    ASSERT_FALSE(rows.empty());
    EXPECT_EQ(rows[0].missing, std::vector<std::string>{"test_part \"c\""});
}

TEST(CellDigests, AreCompared) {
    const Digests here = {{{"t", "a"}, "1"}, {{"t", "b"}, "2"}, {{"t", "c"}, "3"}};
    const Digests there = {{{"t", "a"}, "1"}, {{"t", "b"}, "9"}, {{"t", "d"}, "4"}};
    const DigestComparison found = CompareDigests(here, there);
    EXPECT_EQ(found.differ, 1);
    EXPECT_EQ(found.only_here, 1);
    EXPECT_EQ(found.only_there, 1);
    EXPECT_EQ(found.examples, (std::vector<std::string>{"t \"b\"", "t \"c\"", "t \"d\""}));
    EXPECT_EQ(CompareDigests(here, here).examples.size(), 0u);
}

TEST(DefinitionCall, WritesArrays) {
    EXPECT_EQ(ArgumentText({"a,b", "\"q\"", "\\", "NULL"}, Type::kTexts), R"({"a,b","\"q\"","\\","NULL"})");
}

}  // namespace

}  // namespace pulse::cell
