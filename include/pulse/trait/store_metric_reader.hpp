// Reading metrics from the events. For entry code of this room.
#pragma once

#include <array>
#include <memory>
#include <set>

#include "pulse/pg/identity.hpp"
#include "pulse/pg/plan.hpp"
#include "pulse/rule/metric.hpp"

namespace pulse::trait {

// The type of a compiled value: numeric, boolean, timestamptz, jsonb, text[], text.
Oid TypeOf(const std::string& sql_type);

// Compile a metric over the columns id and now of a row d: the person and the instant.
rule::MetricSql CompileMetricForReading(const rule::Metric& metric,
                                        rule::EventRows rows = rule::EventRows::kAll);
// Metrics with the same key are read together; empty: the metric is read alone.
std::string MetricGroupKey(const rule::MetricSql& metric);

// Reads metrics of the same events for any number of people at once. All functions need an open pg::Session
// as pg::Identity::Owner().
class MetricReader {
  public:
    explicit MetricReader(std::vector<rule::Metric> metrics);

    // One row per person: id, then value and until of each metric.

    // For a question: by the snapshot of the calling statement. Reads an archive, and waits for it, only if
    // archived events count for somebody.
    pg::Result Ask(const std::vector<int64_t>& people, const std::vector<Moment>& instants);
    // For the stored state: by the newest snapshot. Never waits for an archive.
    pg::Result Read(const std::vector<int64_t>& people, const std::vector<Moment>& instants,
                    rule::EventRows rows);
    // The people for whom archived events count at these instants, by the newest snapshot. Begin with
    // ArchiveInUse().
    std::set<int64_t> FindArchived(const std::vector<int64_t>& people, const std::vector<Moment>& instants);

  private:
    pg::Plan& PlanOf(rule::EventRows rows);

    std::vector<rule::Metric> metrics_;
    std::array<std::unique_ptr<pg::Plan>, 3> plans_;  // by EventRows, made at first use
    std::unique_ptr<pg::Plan> archived_;
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
