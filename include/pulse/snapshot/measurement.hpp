// The state of measuring a segment in one scan, mergeable across workers: sizes, the member sketch and the
// counts of each attribute. Pure C++; src/snapshot/aggregate_measure.cpp feeds it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "pulse/base/time.hpp"
#include "pulse/segment/definition.hpp"
#include "pulse/snapshot/clause_tally.hpp"
#include "pulse/snapshot/distribution.hpp"
#include "pulse/snapshot/number_buckets.hpp"
#include "pulse/snapshot/sketch.hpp"
#include "pulse/snapshot/value_counts.hpp"

namespace pulse::snapshot {

// What to measure: the first argument of the aggregate pulse.measure(), as JSON text.
struct MeasureOptions {
    Moment moment = 0;
    int64_t inactive_after = 30 * kDay;
    uint32_t sketch_size = kMaxSketchSize;
    std::vector<segment::AttributeKind> kinds;
    // How many clauses of the rule come as last arguments: a row is a member if all are true. None: every row
    // is one.
    int clauses = 0;
    // Hashes of members at it or above are left out: of many shards each needs to keep its part only.
    uint64_t theta = Sketch::kEverything;

    std::string Print() const;
    // Throws UserError naming what is wrong.
    static MeasureOptions Parse(const std::string& text);
};

struct ColumnCounts {
    explicit ColumnCounts(segment::AttributeKind kind);

    void Merge(const ColumnCounts& other);  // of the same kind

    segment::AttributeKind kind;
    int64_t nulls = 0;
    std::variant<ValueCounts, NumberBuckets> values;
};

class Measurement {
  public:
    explicit Measurement(const MeasureOptions& options);

    // Whether both count the same attributes and clauses, so that they can be merged.
    bool SameShape(const Measurement& other) const;
    void Merge(const Measurement& other);
    // The same bytes for the same members, whatever the order they came in (while no value had to be purged).
    std::string Encode();
    static Measurement Decode(std::string_view bytes);
    // Of all rows; nothing if the clauses were not among the arguments.
    std::optional<ClauseTally> Clauses() const;

    int64_t size = 0;
    int64_t null_keys = 0;
    int64_t converted = 0;
    int64_t inactive = 0;
    SketchBuilder members;
    std::vector<ColumnCounts> columns;
    ClauseTally others;  // the clauses of the rows that are no members
};

// The attribute's distribution. `max_values` values are kept by name; `edges` are those of the snapshot
// before, or null to choose them now.
Distribution MakeDistribution(const ColumnCounts& column, const std::string& attribute, int64_t total,
                              size_t max_values, const std::vector<double>* edges);

}  // namespace pulse::snapshot
