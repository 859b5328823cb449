// Measures a segment in one visit to its source. Pure C++: the caller reads beforehand what it needs of this
// database.
#pragma once

#include <map>

#include "pulse/segment/member_query.hpp"
#include "pulse/segment/request.hpp"
#include "pulse/snapshot/measurement.hpp"
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
    bool several = false;  // it is measured on several servers, whose results are merged
};

// The result of one scan over the members.
struct ScanResult {
    int64_t size = 0;
    int64_t null_keys = 0;
    int64_t converted = 0;
    int64_t inactive = 0;
    Sketch members;
    std::vector<ColumnCounts> columns;  // of the attributes
};

// What one server has measured. That of several can be merged (merge.hpp).
struct ServerMeasurement {
    std::string source;  // empty: this database
    ScanResult scan;
    std::vector<std::string> attributes;             // of scan.columns
    bool has_converted = false, has_active = false;  // whether the definition says it, and it could be read
    std::optional<ClauseCounts> clauses;
    std::vector<source::Column> columns;
    std::vector<segment::UnreadablePart> unreadable;
    double plan_cost = 0, duration_ms = 0;
};

struct MeasureResult {
    Record record;  // without id and flow
    int64_t null_keys = 0;
};

// Reads the members once: by pulse.measure() where the source has it, else in plain SQL with the same
// results.
ServerMeasurement MeasureServer(source::Reader& reader, const MeasureSpec& spec);
// What a snapshot says of it: counts between edges, moments, labels.
MeasureResult MakeResult(ServerMeasurement measured, const MeasureSpec& spec);
// Both, for one source.
MeasureResult MeasureSegment(source::Reader& reader, const MeasureSpec& spec);

// ---- clause_count.cpp ----

// Whether the rule's clauses are counted.
bool CountsClauses(const segment::MemberQuery& query);
ClauseCounts CountsOf(const segment::MemberQuery& query, const ClauseTally& tally);
// The call of pulse.count_clauses() for the rows of `query.from`, and its result.
std::string ClauseCall(const segment::MemberQuery& query, bool sampled);
ClauseCounts ReadClauses(const segment::MemberQuery& query, const source::Rows& rows, size_t column);
// Counts the clauses in a query of their own: all rows of a small relation, else a sample of its blocks;
// nothing where sampling is impossible.
std::optional<ClauseCounts> CountClauses(source::Reader& reader, const segment::MemberQuery& query);

}  // namespace pulse::snapshot
