// Measures a segment in plain SQL, for servers without Pulse. Pure C++.
#pragma once

#include "pulse/segment/definition.hpp"
#include "pulse/snapshot/measure_segment.hpp"

namespace pulse::snapshot {

// Hashes are unsigned, bigint is signed: with the highest bit inverted they sort alike.
inline constexpr uint64_t kHashSign = uint64_t{1} << 63;

// The limit below which the hashes of about `wanted` of so many members lie; everything if there are hardly
// more.
uint64_t ThetaFor(double members, double wanted);

// What one scan measures: the members as a whole, and attributes given by index.
struct FallbackScan {
    bool members = true;
    std::vector<size_t> attributes;
};

// One scan; several for more than a few numeric attributes, because every numeric aggregate runs in every
// grouping set of its scan: beyond that, another scan is cheaper.
std::vector<FallbackScan> PlanFallbackScans(const segment::MemberQuery& query);

// A scan with one grouping set per attribute, so that groups are transferred instead of rows.
// Hashes of members at `theta` or above are left out.
std::string FallbackSql(const segment::MemberQuery& query, const MeasureSpec& spec, uint64_t theta,
                        const FallbackScan& scan);

// Reads the answers of FallbackSql() for all scans. The sketch is complete only if
// FallbackSketchIsComplete().
ScanResult ReadFallback(const std::vector<source::Rows>& answers, const segment::MemberQuery& query,
                        const MeasureSpec& spec);
bool FallbackSketchIsComplete(const ScanResult& result, uint64_t theta);

// A separate scan for the smallest hashes, for segments with far fewer members than expected.
std::string FallbackSketchSql(const segment::MemberQuery& query, const MeasureSpec& spec);
Sketch ReadFallbackSketch(const source::Rows& rows, const MeasureSpec& spec);

}  // namespace pulse::snapshot
