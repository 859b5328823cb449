// Evaluates rules for one person at an instant.
#include <map>

#include "pulse/pg/identity.hpp"
#include "pulse/pg/probe.hpp"
#include "pulse/trait/store_evaluate.hpp"

namespace pulse::trait {

namespace {

// Allocations in the scope use this memory context.
class MemoryContextScope {
  public:
    explicit MemoryContextScope(MemoryContext context) : caller_(MemoryContextSwitchTo(context)) {}
    ~MemoryContextScope() { MemoryContextSwitchTo(caller_); }
    MemoryContextScope(const MemoryContextScope&) = delete;
    MemoryContextScope& operator=(const MemoryContextScope&) = delete;

  private:
    MemoryContext caller_;
};

}  // namespace

struct Subject::State {
    std::optional<int64_t> id;
    std::shared_ptr<const Program> program;
    RuleInput input;
    MemoryContext context = CurrentMemoryContext;
    bool state_read = false;  // the stored state has been read
    std::optional<Moment> as_of;
    Datum kept = 0;
    std::map<std::string, MetricValue> measured;  // read from events, by the metric's text

    void ReadStoredState() {
        if (std::exchange(state_read, true) || !id) return;
        static const pg::Probe probe("profile_state", "profile_state_pkey", {2, 3});
        const MemoryContextScope in_context(context);
        const auto row = probe.Find({Int64GetDatum(*id)});
        if (!row) return;
        as_of = DatumGetTimestampTz((*row)[0].datum);
        kept = (*row)[1].datum;
    }

    // Read some metrics from the events.
    void Read(MetricReader& reader, const std::vector<std::pair<const std::string*, Oid>>& metrics) {
        const ForceIndexPlans force_index_plans;
        const pg::Session session;
        const pg::Result rows = reader.Read({*id}, {input.now}, true);
        const MemoryContextScope in_context(context);
        for (size_t i = 0; i < metrics.size(); ++i) {
            const int column = static_cast<int>(1 + 2 * i);
            MetricValue result{pg::Value::Null(metrics[i].second), pg::kHoldsForEver};
            if (!rows[0].IsNull(column))
                result.value = pg::Copy({metrics[i].second, rows[0].Raw(column), false});
            if (!rows[0].IsNull(column + 1)) result.until = rows[0].Time(column + 1);
            measured[*metrics[i].first] = result;
        }
    }

    MetricValue ReadStored(size_t place) {
        const StoredMetric& metric = program->metrics[place];
        ReadStoredState();
        // The program is from the newest snapshot, the state from the current one. A metric missing in the
        // state means "no events" only if the current snapshot sees the metric.
        if (as_of && *as_of <= input.now && metric.Covers(*id) && metric.xmin.IsVisible()) {
            const MemoryContextScope in_context(context);
            const std::optional<pg::Timed> timed = pg::FindTimed(kept, metric.id);
            if (const auto found = StoredValueAt(metric, timed ? &*timed : nullptr, input.now)) return *found;
        }
        if (const auto found = measured.find(metric.text); found != measured.end()) return found->second;
        const MetricGroup& group = program->groups[metric.group];
        std::vector<std::pair<const std::string*, Oid>> members;
        for (const size_t member : group.metrics)
            members.emplace_back(&program->metrics[member].text, program->metrics[member].type);
        Read(*group.reader, members);
        return measured.at(metric.text);
    }

    MetricValue ReadUnstored(Rule::Compiled& rule, size_t i) {
        if (const auto found = measured.find(rule.metrics[i]); found != measured.end()) return found->second;
        if (!rule.readers[i]) {
            const rule::MetricSql sql = CompileMetricForReading(rule.rule.metrics[i]);
            rule.readers[i] = std::make_unique<MetricReader>(std::vector<const rule::MetricSql*>{&sql});
        }
        Read(*rule.readers[i], {{&rule.metrics[i], rule.types[4 + i]}});
        return measured.at(rule.metrics[i]);
    }

    // An unknown person.
    MetricValue Empty(Rule::Compiled& rule, size_t i) {
        if (const auto found = measured.find(rule.metrics[i]); found != measured.end()) return found->second;
        const pg::Identity identity = pg::Identity::Owner();
        pg::Expression expression(CompileMetricForReading(rule.rule.metrics[i]).empty, {});
        const MemoryContextScope in_context(context);
        MetricValue result{pg::Value::Null(rule.types[4 + i]), pg::kHoldsForEver};
        bool null = true;
        result.value.datum = expression.Eval(nullptr, nullptr, &null);
        result.value.null = null;
        return measured[rule.metrics[i]] = result;
    }

    std::vector<MetricValue> Metrics(Rule::Compiled& rule) {
        std::vector<MetricValue> values;
        if (rule.metrics.empty()) return values;
        if (!program) program = CurrentProgram();
        const std::vector<size_t>& places = rule.MetricIndexes(*program);
        for (size_t i = 0; i < places.size(); ++i) {
            if (!id)
                values.push_back(Empty(rule, i));
            else if (places[i] == kNotStored)
                values.push_back(ReadUnstored(rule, i));
            else
                values.push_back(ReadStored(places[i]));
        }
        return values;
    }

    Answer Evaluate(Rule::Compiled& rule, pg::Expression& expression, const pg::Value& context_value,
                    bool with_until) {
        const std::vector<MetricValue> metrics = Metrics(rule);
        RuleInput with_context = input;
        with_context.context = context_value.null ? input.context : context_value;
        Moment until = pg::kHoldsForEver;
        Answer answer{EvaluateRule(rule, expression, with_context, metrics, with_until ? &until : nullptr),
                      std::nullopt};
        if (until != pg::kHoldsForEver) answer.until = until;
        return answer;
    }
};

Subject::Subject(profile::Person person, Moment now, std::shared_ptr<const Program> program)
    : state_(std::make_unique<State>()) {
    state_->id = person.id;
    state_->program = std::move(program);
    state_->input = {now, person.attributes, person.account, EmptyJsonb()};
}

Subject::Subject(Moment now) : state_(std::make_unique<State>()) {
    const pg::Value nothing = EmptyJsonb();
    state_->input = {now, nothing, nothing, nothing};
}

Subject::~Subject() = default;

Subject::Answer Subject::Evaluate(const Rule& rule, const pg::Value& context) {
    return state_->Evaluate(rule.compiled(), rule.compiled().Value(), context, true);
}

pg::Value Subject::Value(const Rule& rule, const pg::Value& context) {
    return state_->Evaluate(rule.compiled(), rule.compiled().Value(), context, false).value;
}

pg::Value Subject::Json(const Rule& rule, const pg::Value& context) {
    return state_->Evaluate(rule.compiled(), rule.compiled().Json(), context, false).value;
}

}  // namespace pulse::trait
