// Previewing a change of a definition: members that would enter and leave.
#include "pulse/base/json.hpp"
#include "pulse/base/error.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/segment/member_query.hpp"
#include "pulse/segment/store.hpp"
#include "pulse/source/cell.hpp"

namespace pulse::segment {

namespace {

std::string MemberKeysSql(const MemberQuery& query) {
    return "SELECT DISTINCT " + query.key + "::text AS member FROM " + query.MembersFrom() + " WHERE " +
           query.Where() + " AND " + query.key + " IS NOT NULL";
}

std::string ChangeSql(const MemberQuery& before, const MemberQuery& after, int sample) {
    const std::string n = std::to_string(sample);
    return "WITH b AS (" + MemberKeysSql(before) + "), a AS (" + MemberKeysSql(after) +
           "), d AS (SELECT CASE WHEN b.member IS NULL THEN 1 WHEN a.member IS NULL THEN 2"
           " ELSE 3 END AS place, "
           "coalesce(b.member, a.member) AS member FROM b FULL JOIN a ON a.member = b.member), "
           "r AS (SELECT d.place, d.member, pg_catalog.row_number() OVER (PARTITION BY d.place"
           " ORDER BY pg_catalog.length(d.member), d.member) "
           "AS row FROM d) "
           "SELECT (ARRAY['entering', 'leaving', 'staying'])[p], pg_catalog.count(r.place), "
           "coalesce(pg_catalog.to_json(pg_catalog.array_agg(r.member"
           " ORDER BY r.row) FILTER (WHERE r.row <= " +
           n +
           ")), '[]')::text FROM pg_catalog.generate_series(1, 3) AS p LEFT JOIN r ON r.place = p GROUP BY p"
           " ORDER BY p";
}

std::vector<std::string> ParseNames(const std::string& json) {
    return ParseJson(json).get<std::vector<std::string>>();
}

ChangeRow AllMembers(const char* what, source::Reader& reader, const MemberQuery& query, int sample) {
    const auto rows = reader.Query(
        "WITH r AS (SELECT k.member, pg_catalog.row_number() OVER (ORDER BY pg_catalog.length(k.member),"
        " k.member) AS row FROM (" +
        MemberKeysSql(query) +
        ") AS k) SELECT pg_catalog.count(*), coalesce(pg_catalog.to_json(pg_catalog.array_agg(r.member"
        " ORDER BY r.row) "
        "FILTER (WHERE r.row <= " +
        std::to_string(sample) + ")), '[]')::text FROM r");
    const auto& row = rows.values.at(0);
    return {what, source::ToInteger(row[0]), ParseNames(*row[1])};
}

// Keys of people and of rows are different things, even if they look the same.
std::vector<ChangeRow> ReplaceAllMembers(const std::string& name, const Request& before, const Request& after,
                                         int sample) {
    std::vector<ChangeRow> rows(3, {"staying", 0, {}});
    const auto read = [&](const char* what, const Request& request, ChangeRow& row) {
        ReadAndRecord(AccessForCaller(request), "preview", name, [&](source::Reader& reader) {
            row = AllMembers(what, reader,
                             CompileMembers(request, DescribeColumns(reader, request), NowLiteral()), sample);
        });
    };
    read("entering", after, rows[0]);
    read("leaving", before, rows[1]);
    return rows;
}

}  // namespace

std::vector<ChangeRow> PreviewChange(const std::string& name, Request asked, int sample) {
    constexpr int kMost = 1000;
    if (sample < 0 || sample > kMost)
        throw UserError(sqlstate::kInvalidParameter, "\"sample\" is out of range",
                        "It is " + std::to_string(sample) + ".",
                        "Give a number from 0 to " + std::to_string(kMost) + ".");
    const Segment segment = Load(name);
    const Request before = ParseRequest(segment.definition);
    ResolveStatic(asked, segment.id);
    if (!before.sources.empty() || !asked.sources.empty())
        throw UserError(
            sqlstate::kNotSupported, "a preview reads one source",
            "The definition has " + SourceText(asked.sources.empty() ? before.sources : asked.sources) + ".",
            "Create a segment with the new definition, take a snapshot of both, and compare them.");
    if (before.source != asked.source)
        throw UserError(sqlstate::kNotSupported, "the two definitions have different sources", "",
                        "Give a definition with the same \"source\".");
    const source::Access access = AccessForCaller(asked);
    const ResolvedDefinition after = ResolveDefinition(asked, access, segment.name, &before);
    const Request ready = PrepareRequest(before, pg::Now());
    if ((before.kind == SegmentKind::kProfile) != (asked.kind == SegmentKind::kProfile))
        return ReplaceAllMembers(segment.name, ready, PrepareRequest(after.request, pg::Now()), sample);
    std::vector<ChangeRow> rows;
    ReadAndRecord(access, "preview", segment.name, [&](source::Reader& reader) {
        std::vector<UnreadablePart> unreadable;
        const MemberQuery old =
            CompileReadable(ready, DescribeColumns(reader, ready), NowLiteral(), unreadable);
        rows.clear();
        for (const auto& row : reader.Query(ChangeSql(old, after.query, sample)).values)
            rows.push_back({*row[0], source::ToInteger(row[1]), ParseNames(*row[2])});
    });
    return rows;
}

}  // namespace pulse::segment
