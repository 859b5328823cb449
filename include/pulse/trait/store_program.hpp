// All definitions over people, compiled. For entry code of this room.
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

// A rule's expressions and their inputs; compiled at the first evaluation.
// What a rule compiles to, whatever is stored of its metrics.
struct CompiledText {
    rule::ProfileRule rule;
    std::vector<std::string> metrics;  // canonical, in the order of their parameters
    std::vector<Oid> types;            // of all parameters: now, attributes, account, context, metrics
};

struct Rule::Compiled {
    explicit Compiled(std::shared_ptr<const CompiledText> compiled_text)
        : text(std::move(compiled_text)), rule(text->rule), metrics(text->metrics), types(text->types) {}

    std::shared_ptr<const CompiledText> text;
    const rule::ProfileRule& rule;
    const std::vector<std::string>& metrics;
    const std::vector<Oid>& types;
    std::unique_ptr<pg::Expression> value, until, json;
    // The indexes of the metrics in the program of that number; kNotStored: the metric is not stored.
    uint64_t program = 0;
    std::vector<size_t> places;
    std::vector<std::unique_ptr<MetricReader>> readers;  // of metrics that are not stored

    pg::Expression& Value();
    pg::Expression& Until();
    pg::Expression& Json();
    // The indexes in the current program.
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
    std::vector<size_t> metrics;  // their indexes
    pg::TupleXmin xmin;
    bool complete = true;  // all its metrics are stored

    // Whether it is stored for a profile: not while the build has not reached it.
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
    std::optional<Moment> lost_before;  // dropped events that the stored value may count
    pg::TupleXmin
        xmin;  // of this row: a state that a snapshot sees includes the metric if the snapshot sees the row
    size_t group = 0;
    std::unique_ptr<IncrementalMetric> incremental;  // null: always read from the events

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
    std::unique_ptr<Rule> rule;  // compiled at first use
    std::string problem;         // why it cannot be evaluated
};

class Program {
  public:
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;
    static std::shared_ptr<const Program> Load(Moment macros_at);

    uint64_t number = 0;   // unique
    Moment macros_at = 0;  // whose settings of macros it was compiled with
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
    // Whether no state has to be stored for anybody.
    bool TracksNothing() const { return metrics.empty() && versions.empty(); }
    size_t IndexOf(const std::string& metric) const;  // kNotStored if it is not stored
    const SegmentVersion* LiveVersion(int64_t segment) const;
    Rule& RuleOf(const StoredTrait& trait) const;
    // The progress of each build, by index; reads pulse.metric and pulse.live_segment while something is
    // being built.
    BuildProgress ReadProgress() const;
    // Whether the active snapshot sees every row that the program was compiled from.
    bool Seen() const;

  private:
    Program() = default;
    void LoadMetrics();
    void LoadVersions();
    Rule RuleOfVersion(const std::string& segment, const std::string& stored) const;
    void LoadTraits();
    void Index();

    std::unordered_map<std::string, size_t> places_;
    mutable std::vector<size_t> of_empty_person_;
    mutable Moment of_empty_person_from_ = INT64_MAX;
};

}  // namespace pulse::trait
