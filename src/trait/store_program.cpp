#include "pulse/trait/store_program.hpp"

#include <algorithm>

#include "pulse/base/error.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/probe.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/rule/parser.hpp"
#include "pulse/rule/print.hpp"
#include "pulse/trait/macro.hpp"
#include "pulse/trait/store_incremental.hpp"
#include "pulse/trait/store_state.hpp"
#include "pulse/trait/store_unsettled.hpp"

namespace pulse::trait {

namespace {

uint64_t last_number = 0;

// The value without events. Few are different, so each is computed once and kept.
pg::Value EmptyValue(const std::string& sql, Oid type) {
    static std::map<std::pair<std::string, Oid>, pg::Value> known;
    const auto found = known.find({sql, type});
    if (found != known.end()) return found->second;
    pg::Expression expression(sql, {});
    pg::Value value = pg::Value::Null(type);
    MemoryContext caller = MemoryContextSwitchTo(TopMemoryContext);
    try {
        value.datum = expression.Eval(nullptr, nullptr, &value.null);
    } catch (...) {
        MemoryContextSwitchTo(caller);
        throw;
    }
    MemoryContextSwitchTo(caller);
    known.emplace(std::pair(sql, type), value);
    return value;
}

}  // namespace

StoredMetric::StoredMetric() = default;
StoredMetric::~StoredMetric() = default;
StoredMetric::StoredMetric(StoredMetric&&) noexcept = default;
StoredMetric& StoredMetric::operator=(StoredMetric&&) noexcept = default;

std::shared_ptr<const Program> CurrentProgram() {
    static pg::Watch watch("definition");
    static std::shared_ptr<const Program> current;
    static bool stale = true;
    if (watch.Changed()) stale = true;
    if (stale || current->time_zone != pg::settings::TimeZone()) {
        current = Program::Load(kNewestSettings);
        stale = false;
    }
    return current;
}

std::shared_ptr<const Program> ProgramAt(Moment now) {
    std::shared_ptr<const Program> current = CurrentProgram();
    const uint64_t version = MacroVersion(now);
    if (version == MacroVersion(kNewestSettings)) return current;
    static std::shared_ptr<const Program> past;
    static uint64_t past_version = 0, follows = 0;
    if (!past || past_version != version || follows != current->number) {
        past = Program::Load(now);
        past_version = version;
        follows = current->number;
    }
    return past;
}

std::shared_ptr<const Program> Program::Load(Moment macros_at) {
    const MacrosAsOf macros(macros_at);
    const pg::OwnerSession session;
    const pg::LatestSnapshot latest;
    std::shared_ptr<Program> program(new Program());
    program->macros_at = macros_at;
    program->number = ++last_number;
    program->time_zone = pg::settings::TimeZone();
    program->LoadMetrics();
    program->LoadVersions();
    program->LoadTraits();
    program->Index();
    if (macros_at == kNewestSettings) Rule::ForgetUnusedStored();
    return program;
}

void Program::LoadMetrics() {
    const pg::Result rows = pg::Execute(
        "SELECT id, text, built_to, after_profile, xmin::text::bigint, lost_before FROM pulse.metric"
        " ORDER BY id",
        {}, true);
    metrics.reserve(rows.size());
    for (uint64_t i = 0; i < rows.size(); ++i) {
        StoredMetric metric;
        metric.id = rows[i].Int8(0);
        metric.text = rows[i].Text(1);
        metric.built_to = rows[i].Int8OrNull(2);
        metric.after_profile = rows[i].Int8(3);
        metric.lost_before = rows[i].TimeOrNull(5);
        metric.xmin = pg::TupleXmin(static_cast<TransactionId>(rows[i].Int8(4)));
        try {
            metric.sql = CompileMetricForReading(rule::ParseMetric(metric.text));
            metric.type = TypeOf(metric.sql.sql_type);
            metric.empty = EmptyValue(metric.sql.empty, metric.type);
            if (metric.sql.incremental)
                metric.incremental = std::make_unique<IncrementalMetric>(*metric.sql.incremental);
        } catch (const UserError& error) {
            // Definitions that use it are not stored either, but read from the events where possible.
            pg::Warning("metric " + metric.text + " is not updated", error.message());
            continue;
        }
        building |= metric.built_to.has_value();
        places_.emplace(metric.text, metrics.size());
        metrics.push_back(std::move(metric));
    }
    std::map<std::string, size_t> keys;
    for (size_t place = 0; place < metrics.size(); ++place) {
        std::string key = MetricGroupKey(metrics[place].sql);
        if (key.empty()) key = "metric " + metrics[place].text;
        const auto [found, added] = keys.emplace(key, groups.size());
        if (added) groups.emplace_back();
        groups[found->second].metrics.push_back(place);
        metrics[place].group = found->second;
    }
    for (MetricGroup& group : groups) {
        std::vector<rule::Metric> members;
        for (const size_t place : group.metrics) members.push_back(rule::ParseMetric(metrics[place].text));
        group.reader = std::make_unique<MetricReader>(std::move(members));
    }
}

void Program::LoadVersions() {
    const pg::Result rows = pg::Execute(
        "SELECT l.id, l.segment_id, l.version, s.name, l.status = 'live', l.built_to, l.after_profile,"
        " l.rule, l.xmin::text::bigint"
        " FROM pulse.live_segment AS l JOIN pulse.segment AS s ON s.id = l.segment_id ORDER BY l.id",
        {}, true);
    versions.reserve(rows.size());
    for (uint64_t i = 0; i < rows.size(); ++i) {
        try {
            SegmentVersion version{rows[i].Int8(0),
                                   rows[i].Int8(1),
                                   rows[i].Int4(2),
                                   rows[i].Text(3),
                                   rows[i].Bool(4),
                                   rows[i].Int8OrNull(5),
                                   rows[i].Int8(6),
                                   RuleOfVersion(rows[i].Text(3), rows[i].Text(7)),
                                   {},
                                   pg::TupleXmin(static_cast<TransactionId>(rows[i].Int8(8)))};
            building |= version.built_to.has_value();
            versions.push_back(std::move(version));
        } catch (const UserError& error) {
            // Accepting events is more important than a rule that this version of Pulse cannot compile.
            pg::Warning("segment \"" + rows[i].Text(3) + "\" is not updated", error.message());
        }
    }
}

// As stored, that is by the newest settings of macros; of the past by those of then, unless the segment has
// changed otherwise and is still being built.
Rule Program::RuleOfVersion(const std::string& segment, const std::string& stored) const {
    const auto expanded = [&](Moment at) {
        const MacrosAsOf macros(at);
        const rule::Definitions& saved = SavedDefinitions();
        return rule::Expand(*saved.Find(rule::Reference::Kind::kSegment, segment, 0), saved,
                            "segment " + segment);
    };
    if (macros_at != kNewestSettings && rule::Print(*expanded(kNewestSettings)) == stored)
        return Rule(*expanded(macros_at), rule::Expect::kBoolean, false);
    return Rule::OfStored(stored);
}

void Program::LoadTraits() {
    const pg::Result rows = pg::Execute("SELECT id, key, expression FROM pulse.trait ORDER BY key", {}, true);
    traits.reserve(rows.size());
    for (uint64_t i = 0; i < rows.size(); ++i)
        traits.push_back({rows[i].Int8(0), rows[i].Text(1), rows[i].Text(2), nullptr, ""});
}

void Program::Index() {
    std::vector<DefinitionIndex::Metric> indexed_metrics;
    for (const StoredMetric& metric : metrics)
        indexed_metrics.push_back({metric.id,
                                   {metric.built_to, metric.after_profile},
                                   metric.incremental != nullptr,
                                   metric.incremental ? metric.incremental->window() : 0,
                                   metric.lost_before});
    std::vector<DefinitionIndex::Group> indexed_groups;
    for (const MetricGroup& group : groups)
        indexed_groups.push_back({metrics[group.metrics[0]].sql.events, group.metrics});
    std::vector<DefinitionIndex::Version> indexed_versions;
    for (SegmentVersion& version : versions) {
        version.metrics = version.rule.compiled().MetricIndexes(*this);
        version.complete =
            std::find(version.metrics.begin(), version.metrics.end(), kNotStored) == version.metrics.end();
        indexed_versions.push_back({version.id,
                                    {version.built_to, version.after_profile},
                                    version.metrics,
                                    version.rule.rule().attributes,
                                    !version.rule.rule().account_attributes.empty()});
    }
    index =
        DefinitionIndex(std::move(indexed_metrics), std::move(indexed_groups), std::move(indexed_versions));
}

const std::vector<size_t>& Program::VersionsOfEmptyPerson(Moment at) const {
    if (at >= of_empty_person_from_) return of_empty_person_;
    const RuleInput nobody{at, pg::Value::EmptyJsonb(), pg::Value::EmptyJsonb(), pg::Value::Null(JSONBOID)};
    std::vector<size_t> found;
    for (size_t place = 0; place < versions.size(); ++place) {
        const SegmentVersion& version = versions[place];
        if (!version.complete) continue;
        std::vector<MetricValue> values;
        for (const size_t metric : version.metrics)
            values.push_back({metrics[metric].empty, pg::kHoldsForEver});
        Moment until = pg::kHoldsForEver;
        pg::Value value = pg::Value::Null(BOOLOID);
        try {
            pg::Subtransaction apart;
            value = EvaluateRule(version.rule.compiled(), version.rule.compiled().Value(), nobody, values,
                                 &until);
            apart.Commit();
        } catch (...) {
            // It fails for each person, and by itself.
            DescribeFailure(0, "");
            until = at;
        }
        if ((!value.null && DatumGetBool(value.datum)) || until != pg::kHoldsForEver) found.push_back(place);
    }
    of_empty_person_ = std::move(found);
    of_empty_person_from_ = at;
    return of_empty_person_;
}

size_t Program::IndexOf(const std::string& metric) const {
    const auto found = places_.find(metric);
    return found == places_.end() ? kNotStored : found->second;
}

const SegmentVersion* Program::LiveVersion(int64_t segment) const {
    for (const SegmentVersion& version : versions)
        if (version.live && version.segment == segment) return &version;
    return nullptr;
}

Rule& Program::RuleOf(const StoredTrait& trait) const {
    auto& kept = const_cast<StoredTrait&>(trait);
    const MacrosAsOf macros(macros_at);
    if (!kept.rule) kept.rule = std::make_unique<Rule>(kept.expression, rule::Expect::kAny, false);
    return *kept.rule;
}

BuildProgress Program::ReadProgress() const {
    BuildProgress progress;
    for (const StoredMetric& metric : metrics) progress.metrics.push_back(metric.built_to);
    for (const SegmentVersion& version : versions) progress.versions.push_back(version.built_to);
    if (!building) return progress;
    static pg::Statement statement(
        "SELECT id, built_to, true FROM pulse.metric WHERE built_to IS NOT NULL"
        " UNION ALL SELECT id, built_to, false FROM pulse.live_segment WHERE built_to IS NOT NULL",
        {});
    const pg::Result rows = statement.Execute({});
    for (uint64_t i = 0; i < rows.size(); ++i) {
        const bool of_metric = rows[i].Bool(2);
        const size_t place =
            of_metric ? trait::IndexOf(metrics, rows[i].Int8(0)) : trait::IndexOf(versions, rows[i].Int8(0));
        if (place != kNotStored) (of_metric ? progress.metrics : progress.versions)[place] = rows[i].Int8(1);
    }
    return progress;
}

bool Program::Seen() const {
    return std::all_of(metrics.begin(), metrics.end(),
                       [](const StoredMetric& metric) { return metric.xmin.IsVisible(); }) &&
           std::all_of(versions.begin(), versions.end(),
                       [](const SegmentVersion& version) { return version.xmin.IsVisible(); });
}

}  // namespace pulse::trait
