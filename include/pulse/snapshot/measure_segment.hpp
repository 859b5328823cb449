// Measures a segment in one visit to its source. Pure C++: the caller reads beforehand what it needs of this
// database.
#pragma once

#include <map>

#include "pulse/segment/request.hpp"
#include "pulse/snapshot/record.hpp"
#include "pulse/source/reader.hpp"

namespace pulse::snapshot {

// The newest ok snapshot before the new one.
struct PreviousSnapshot {
    int64_t size = 0;
    std::optional<Sketch> sketch;
};

// What to measure.
struct MeasureSpec {
    int64_t segment_id = 0;
    int version = 1;
    segment::Request request;  // resolved for its source
    Moment moment = 0;
    std::string now_sql;  // the moment as a literal
    int64_t inactive_after = 0;
    uint32_t sketch_size = kMaxSketchSize;
    size_t max_values = 0;
    std::map<std::string, std::vector<double>>
        edges;  // by attribute, where earlier snapshots have frozen them
    std::optional<PreviousSnapshot> previous;
};

// The result of one scan over the members.
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

// Reads the members once: by pulse.measure() where the source has it, else in plain SQL with the same
// results.
MeasureResult MeasureSegment(source::Reader& reader, const MeasureSpec& spec);

// ---- clause_count.cpp ----

// Whether the rule's clauses are counted.
bool CountsClauses(const segment::MemberQuery& query);
// The call of pulse.count_clauses() for the rows of `query.from`, and its result.
std::string ClauseCall(const segment::MemberQuery& query, bool sampled);
ClauseCounts ReadClauses(const segment::MemberQuery& query, const source::Rows& rows, size_t column);
// Counts the clauses in a query of their own: all rows of a small relation, else a sample of its blocks;
// nothing where sampling is impossible.
std::optional<ClauseCounts> CountClauses(source::Reader& reader, const segment::MemberQuery& query);

}  // namespace pulse::snapshot
