// All that is defined over people, compiled. For entry code of this room.
#pragma once

#include <map>
#include <unordered_map>

#include "pulse/pg/expression.hpp"
#include "pulse/pg/jsonb.hpp"
#include "pulse/pg/tuple_xmin.hpp"
#include "pulse/trait/affected.hpp"
#include "pulse/trait/store_live.hpp"
#include "pulse/trait/store_metric_reader.hpp"

namespace pulse::trait {

// A rule's expression and what it needs; made when first evaluated.
struct Rule::Compiled {
    rule::ProfileRule rule;
    std::vector<std::string> metrics;  // canonical, in the order of their parameters
    std::vector<Oid> types;            // of all parameters: now, attributes, account, context, metrics
    std::unique_ptr<pg::Expression> value, until, json;
    // Where the metrics stand in the program of that number; kApart: nowhere.
    uint64_t program = 0;
    std::vector<size_t> places;
    std::vector<std::unique_ptr<MetricReader>> readers;  // of metrics that are nowhere

    pg::Expression& Value();
    pg::Expression& Until();
    pg::Expression& Json();
    // The places in the current program.
    const std::vector<size_t>& MetricIndexes(const Program& current);
};

// A version of a segment, live or being built.
struct SegmentVersion {
    int64_t id = 0, segment = 0;
    int number = 1;
    std::string name;  // of the segment
    bool live = false;
    std::optional<int64_t> built_to;
    int64_t after_profile = 0;
    Rule rule;
    std::vector<size_t> metrics;  // their places
    pg::TupleXmin xmin;
    bool complete = true;  // all its metrics are kept

    // Whether it is kept for somebody: not while others are built before them.
    bool Covers(int64_t profile) const {
        return !built_to || profile <= *built_to || profile > after_profile;
    }
};

class IncrementalMetric;

struct StoredMetric {
    StoredMetric();
    ~StoredMetric();
    StoredMetric(StoredMetric&&) noexcept;
    StoredMetric& operator=(StoredMetric&&) noexcept;

    int64_t id = 0;
    std::string text;
    rule::MetricSql sql;
    Oid type = InvalidOid;
    pg::Value empty;
    std::optional<int64_t> built_to;
    int64_t after_profile = 0;
    std::optional<Moment> lost_before;  // events were dropped that may be counted in what is kept
    pg::TupleXmin
        xmin;  // of what is said here: states that a snapshot sees hold it if the snapshot sees this
    size_t group = 0;
    std::unique_ptr<IncrementalMetric> incremental;  // null: it is always read

    bool Covers(int64_t profile) const {
        return !built_to || profile <= *built_to || profile > after_profile;
    }
};

// Metrics that are read together.
struct MetricGroup {
    std::vector<size_t> metrics;
    std::unique_ptr<MetricReader> reader;
};

struct StoredTrait {
    int64_t id = 0;
    std::string key;
    std::string expression;
    std::unique_ptr<Rule> rule;  // made when first asked for
    std::string problem;         // why it cannot be evaluated
};

class Program {
  public:
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;
    static std::shared_ptr<const Program> Load();
    ~Program();

    uint64_t number = 0;  // no two are alike
    std::string time_zone;
    std::vector<StoredMetric> metrics;  // by id
    std::vector<MetricGroup> groups;
    std::vector<SegmentVersion> versions;  // by id
    std::vector<StoredTrait> traits;       // by key
    bool building = false;                 // built_to of something is set
    DefinitionIndex index;                 // of metrics, groups and versions

    bool empty() const { return metrics.empty() && versions.empty() && traits.empty(); }
    // Versions that can hold, at an instant or later, for a person without attributes and events.
    const std::vector<size_t>& VersionsOfEmptyPerson(Moment at) const;
    // Nothing is to be kept of anybody.
    bool TracksNothing() const { return metrics.empty() && versions.empty(); }
    size_t IndexOf(const std::string& metric) const;  // kNotStored when it is not kept
    const SegmentVersion* LiveVersion(int64_t segment) const;
    Rule& RuleOf(const StoredTrait& trait) const;
    // How far each is built by now, by place; reads pulse.metric and pulse.live_segment while something is
    // being built.
    BuildProgress ReadProgress() const;
    // Whether the active snapshot sees all that the program was made of.
    bool Seen() const;

  private:
    Program() = default;
    void LoadMetrics();
    void LoadVersions();
    void LoadTraits();
    void Index();

    std::unordered_map<std::string, size_t> places_;
    mutable std::vector<size_t> of_empty_person_;
    mutable Moment of_empty_person_from_ = INT64_MAX;
};

}  // namespace pulse::trait
