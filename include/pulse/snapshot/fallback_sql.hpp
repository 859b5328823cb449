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

// Attributes with labels that are grouped together.
struct LabelSet {
    std::vector<size_t> attributes;  // by index
    bool few = true;  // so few groups that whole values can be kept, else they are shortened row by row
};

// What one scan measures: the members as a whole, together with the first set of labels; more sets of labels;
// or numbers.
struct FallbackScan {
    bool members = true;
    bool distributed = false;
    std::vector<LabelSet> labels = {};
    std::vector<size_t> numbers = {};  // attributes by index
};

// Whether an attribute is counted by label, and a query whose plan tells the number of its labels.
bool HasLabel(const segment::Attribute& attribute);
std::string LabelGroupsSql(const segment::MemberQuery& query, const segment::Attribute& attribute);

// A scan for the members with all labels, and one for up to four numeric attributes, because every numeric
// aggregate runs in every grouping set of its scan. Labels are grouped together as long as the product of
// their numbers, estimated in `groups` by attribute, is small: one look into a hash table instead of several.
// Where the relation is distributed by Citus, which has no grouping sets, a scan for each attribute.
std::vector<FallbackScan> PlanFallbackScans(const segment::MemberQuery& query,
                                            const std::vector<double>& groups, bool distributed);

// Its query: groups are transferred instead of rows. Hashes of members at `theta` or above are left out.
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
