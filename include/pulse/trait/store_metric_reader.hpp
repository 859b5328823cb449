// Reading metrics from the events. For entry code of this room.
#pragma once

#include "pulse/pg/identity.hpp"
#include "pulse/pg/plan.hpp"
#include "pulse/rule/metric.hpp"

namespace pulse::trait {

// The type of a compiled value: numeric, boolean, timestamptz, jsonb, text[], text.
Oid TypeOf(const std::string& sql_type);

// A metric, compiled over the columns id and now of a row d: the person and the instant.
rule::MetricSql CompileMetricForReading(const rule::Metric& metric);
// What two metrics have in common that are read together; empty for one that is always read alone.
std::string MetricGroupKey(const rule::MetricSql& metric);

// Reads some metrics that look at the same events, for any number of people at once.
class MetricReader {
  public:
    explicit MetricReader(const std::vector<const rule::MetricSql*>& metrics);

    // One row for each: id, then value and until of each metric. Needs an open pg::Session as
    // pg::Identity::Owner(). What is read by a read-only reading is what the statement around it sees; else
    // it is the newest.
    pg::Result Read(const std::vector<int64_t>& people, const std::vector<Moment>& instants, bool read_only);

  private:
    pg::Plan plan_;
};

// Plans made inside the scope go by index, whatever the tables' sizes are then: a plan lives as long as its
// program.
class ForceIndexPlans {
  public:
    ForceIndexPlans();

  private:
    pg::Identity identity_ = pg::Identity::Owner();
};

}  // namespace pulse::trait
