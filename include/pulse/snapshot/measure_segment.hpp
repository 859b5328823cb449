// Measuring a segment in one visit to its source. Pure C++: all it needs of this database is settled before.
#pragma once

#include <map>

#include "pulse/segment/request.hpp"
#include "pulse/snapshot/record.hpp"
#include "pulse/source/reader.hpp"

namespace pulse::snapshot {

// What a new snapshot continues: the newest ok one before it.
struct PreviousSnapshot {
    int64_t size = 0;
    std::optional<Sketch> sketch;
};

// What to measure.
struct MeasureSpec {
    int64_t segment_id = 0;
    int version = 1;
    segment::Request request;  // as its source can read it
    Moment moment = 0;
    std::string now_sql;  // the moment as a literal
    int64_t inactive_after = 0;
    uint32_t sketch_size = kMaxSketchSize;
    size_t max_values = 0;
    std::map<std::string, std::vector<double>>
        edges;  // by attribute, where earlier snapshots have frozen them
    std::optional<PreviousSnapshot> previous;
};

// What one scan over the members finds out.
struct ScanResult {
    int64_t size = 0;
    int64_t null_keys = 0;
    int64_t converted = 0;
    int64_t inactive = 0;
    Sketch members;
    std::vector<Distribution> distributions;
};

struct MeasureResult {
    Record record;  // without id and flow
    int64_t null_keys = 0;
};

// Read the members once: by pulse.measure() where the source has it, else in plain SQL with the same results.
MeasureResult MeasureSegment(source::Reader& reader, const MeasureSpec& spec);

// ---- clause_count.cpp ----

// Whether the rule's clauses are counted at all.
bool CountsClauses(const segment::MemberQuery& query);
// The call of pulse.count_clauses() for the rows of `query.from`, and what it returns.
std::string ClauseCall(const segment::MemberQuery& query, bool sampled);
ClauseCounts ReadClauses(const segment::MemberQuery& query, const source::Rows& rows, size_t column);
// Clause counts of their own: over all rows of a small relation, else over a sample of its blocks; nothing
// where there is no way to sample.
std::optional<ClauseCounts> CountClauses(source::Reader& reader, const segment::MemberQuery& query);

}  // namespace pulse::snapshot
