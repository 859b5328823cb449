// Reading metrics from the events. For entry code of this room.
#pragma once

#include "pulse/pg/identity.hpp"
#include "pulse/pg/plan.hpp"
#include "pulse/rule/metric.hpp"

namespace pulse::trait {

// The type of a compiled value: numeric, boolean, timestamptz, jsonb, text[], text.
Oid TypeOf(const std::string& sql_type);

// Compile a metric over the columns id and now of a row d: the person and the instant.
rule::MetricSql CompileMetricForReading(const rule::Metric& metric);
// Metrics with the same key are read together; empty: the metric is read alone.
std::string MetricGroupKey(const rule::MetricSql& metric);

// Reads metrics of the same events for any number of people at once.
class MetricReader {
  public:
    explicit MetricReader(const std::vector<const rule::MetricSql*>& metrics);

    // One row per person: id, then value and until of each metric. Needs an open pg::Session as
    // pg::Identity::Owner(). A read-only read uses the snapshot of the calling statement, else the newest
    // one.
    pg::Result Read(const std::vector<int64_t>& people, const std::vector<Moment>& instants, bool read_only);

  private:
    pg::Plan plan_;
};

// Plans made in this scope use indexes, whatever the sizes of the tables are then: a plan lives as long as
// its program.
class ForceIndexPlans {
  public:
    ForceIndexPlans();

  private:
    pg::Identity identity_ = pg::Identity::Owner();
};

}  // namespace pulse::trait
