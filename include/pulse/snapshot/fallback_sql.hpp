// The one pass over the members in plain SQL, for servers without Pulse. Pure C++.
#pragma once

#include "pulse/segment/definition.hpp"
#include "pulse/snapshot/measure_segment.hpp"

namespace pulse::snapshot {

// Hashes are unsigned, bigint is signed: with the highest bit turned over they have the same order.
inline constexpr uint64_t kHashSign = uint64_t{1} << 63;

// The limit below which about `wanted` of so many members have their hashes; everything when there are hardly
// more.
uint64_t ThetaFor(double members, double wanted);

// What one scan finds out: about the members as a whole, and the attributes given by their places.
struct FallbackScan {
    bool members = true;
    std::vector<size_t> attributes;
};

// One scan; several for more than a few numeric attributes, because every aggregate of a number runs in every
// grouping set of its scan: beyond, reading again costs less.
std::vector<FallbackScan> PlanFallbackScans(const segment::MemberQuery& query);

// A scan in which every attribute is a grouping set of its own, so that groups travel and rows do not.
// Hashes of members at `theta` or above are left out.
std::string FallbackSql(const segment::MemberQuery& query, const MeasureSpec& spec, uint64_t theta,
                        const FallbackScan& scan);

// What FallbackSql() returned for all scans. The sketch holds what came; it is complete only if
// FallbackSketchIsComplete().
ScanResult ReadFallback(const std::vector<source::Rows>& answers, const segment::MemberQuery& query,
                        const MeasureSpec& spec);
bool FallbackSketchIsComplete(const ScanResult& result, uint64_t theta);

// The smallest hashes alone, by a scan of their own: for when there were far fewer members than expected.
std::string FallbackSketchSql(const segment::MemberQuery& query, const MeasureSpec& spec);
Sketch ReadFallbackSketch(const source::Rows& rows, const MeasureSpec& spec);

}  // namespace pulse::snapshot
