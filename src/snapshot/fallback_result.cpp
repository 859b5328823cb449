// Reads the result of the plain SQL that fallback_sql.cpp makes.
#include <algorithm>
#include <limits>

#include "pulse/snapshot/measurement.hpp"
#include "pulse/snapshot/fallback_sql.hpp"
#include "pulse/source/cell.hpp"

namespace pulse::snapshot {

namespace {

using segment::AttributeKind;
using source::Cell;

enum Field { kPart, kValue, kMembers, kDifferent, kLowest, kHighest, kMean, kVariance };
constexpr int64_t kFlags = -2, kHashes = -1;  // parts other than attributes

// Group numbers outside the buckets: see Bucket() in fallback_sql.cpp.
constexpr int64_t kBelowAll = 0, kAboveAll = 262080;  // beyond: not a number
constexpr int64_t kUsual = 1'000'000;                 // beyond: again numbers

std::optional<double> NumberOrNull(const Cell& cell) {
    return cell ? std::optional(source::ToNumber(cell)) : std::nullopt;
}

uint64_t ReadHash(const Cell& cell) {
    return static_cast<uint64_t>(source::ToInteger(cell)) ^ kHashSign;
}

// An array; null without hashes.
void TakeHashes(const Cell& cell, SketchBuilder& members) {
    if (!cell) return;
    for (const int64_t hash : source::ToIntegers(cell)) members.Add(static_cast<uint64_t>(hash) ^ kHashSign);
}

// One attribute while its groups are read.
struct AttributeGroups {
    explicit AttributeGroups(AttributeKind kind) : column(kind) {}

    ColumnCounts column;
    int64_t different = 0, labels = 0;
    int64_t rarest = std::numeric_limits<int64_t>::max();  // label
};

void TakeNumbers(const std::vector<Cell>& row, int64_t members, NumberBuckets& numbers) {
    const int64_t bucket = source::ToInteger(row[kValue]);
    if (bucket == kBelowAll) return numbers.AddBelow(members);
    if (bucket == kAboveAll) return numbers.AddAbove(members);
    if (bucket > kAboveAll && bucket < kUsual) return numbers.AddNans(members);
    numbers.AddSummary({members, source::ToNumber(row[kLowest]), source::ToNumber(row[kHighest]),
                        NumberOrNull(row[kMean]), NumberOrNull(row[kVariance])});
}

void TakeGroup(const std::vector<Cell>& row, int64_t members, AttributeGroups& groups) {
    groups.different = source::ToInteger(row[kDifferent]);
    if (!row[kValue])
        groups.column.nulls = members;
    else if (auto* numbers = std::get_if<NumberBuckets>(&groups.column.values))
        TakeNumbers(row, members, *numbers);
    else {
        std::get<ValueCounts>(groups.column.values).Add(*row[kValue], members);
        ++groups.labels;
        groups.rarest = std::min(groups.rarest, members);
    }
}

void TakeFlags(int64_t flags, int64_t members, ScanResult& result) {
    result.size += members;
    if (flags & 1) result.converted += members;
    if (flags & 2) result.inactive += members;
    if (flags & 4) result.null_keys += members;
}

// Of labels the server hands over the most frequent ones, as many as a snapshot keeps; of several servers as
// many as can be merged, and what is known of the rest.
ColumnCounts EndGroups(AttributeGroups groups, bool several) {
    if (auto* values = std::get_if<ValueCounts>(&groups.column.values)) {
        values->KnowDistinct(groups.different);
        if (several && groups.labels < groups.different) values->LeftOut(groups.rarest);
    }
    return std::move(groups.column);
}

}  // namespace

ScanResult ReadFallback(const std::vector<source::Rows>& answers, const segment::MemberQuery& query,
                        const MeasureSpec& spec) {
    ScanResult result;
    SketchBuilder members(spec.sketch_size);
    std::vector<AttributeGroups> attributes;
    for (const segment::Attribute& attribute : query.attributes) attributes.emplace_back(attribute.kind);
    for (const source::Rows& rows : answers)
        for (const std::vector<Cell>& row : rows.values) {
            const int64_t part = source::ToInteger(row.at(kPart));
            if (part == kHashes) {
                TakeHashes(row[kValue], members);
                continue;
            }
            const int64_t count = source::ToInteger(row[kMembers]);
            if (part == kFlags) {
                TakeFlags(source::ToInteger(row[kValue]), count, result);
            } else {
                TakeGroup(row, count, attributes.at(static_cast<size_t>(part)));
            }
        }
    result.members = members.Build();
    for (AttributeGroups& groups : attributes)
        result.columns.push_back(EndGroups(std::move(groups), spec.several));
    return result;
}

bool FallbackSketchIsComplete(const ScanResult& result, uint64_t theta) {
    return theta == Sketch::kEverything || !result.members.exact();
}

Sketch ReadFallbackSketch(const source::Rows& rows, const MeasureSpec& spec) {
    SketchBuilder members(spec.sketch_size);
    for (const std::vector<Cell>& row : rows.values) members.Add(ReadHash(row.at(0)));
    return members.Build();
}

}  // namespace pulse::snapshot
