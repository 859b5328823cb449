// Somebody at a moment.
#include <map>

#include "pulse/pg/identity.hpp"
#include "pulse/pg/probe.hpp"
#include "pulse/trait/store_evaluate.hpp"

namespace pulse::trait {

namespace {

// What is palloc'ed in the scope is made in that context.
class In {
  public:
    explicit In(MemoryContext context) : caller_(MemoryContextSwitchTo(context)) {}
    ~In() { MemoryContextSwitchTo(caller_); }
    In(const In&) = delete;
    In& operator=(const In&) = delete;

  private:
    MemoryContext caller_;
};

}  // namespace

struct Subject::State {
    std::optional<int64_t> id;
    std::shared_ptr<const Program> program;
    Situation situation;
    MemoryContext context = CurrentMemoryContext;
    bool looked = false;  // for what is kept
    std::optional<Moment> as_of;
    Datum kept = 0;
    std::map<std::string, Measured> measured;  // read from events, by the metric's text

    void Look() {
        if (std::exchange(looked, true) || !id) return;
        static const pg::Probe probe("profile_state", "profile_state_pkey", {2, 3});
        const In in(context);
        const auto row = probe.Find({Int64GetDatum(*id)});
        if (!row) return;
        as_of = DatumGetTimestampTz((*row)[0].datum);
        kept = (*row)[1].datum;
    }

    // Reads some metrics from the events.
    void Read(MetricReader& reader, const std::vector<std::pair<const std::string*, Oid>>& metrics) {
        const ByIndex by_index;
        const pg::Session session;
        const pg::Result rows = reader.Read({*id}, {situation.now}, true);
        const In in(context);
        for (size_t i = 0; i < metrics.size(); ++i) {
            const int column = static_cast<int>(1 + 2 * i);
            Measured result{pg::Value::Null(metrics[i].second), pg::kHoldsForEver};
            if (!rows[0].IsNull(column))
                result.value = pg::Copy({metrics[i].second, rows[0].Raw(column), false});
            if (!rows[0].IsNull(column + 1)) result.until = rows[0].Time(column + 1);
            measured[*metrics[i].first] = result;
        }
    }

    Measured ReadKept(size_t place) {
        const KeptMetric& metric = program->metrics[place];
        Look();
        // The program is of the newest snapshot, the state of that around us: what is not in it says
        // something only if that one sees the metric, too.
        if (as_of && *as_of <= situation.now && metric.Covers(*id) && metric.writer.Seen()) {
            const In in(context);
            const std::optional<pg::Timed> timed = pg::FindTimed(kept, metric.id);
            if (const auto found = FromKept(metric, timed ? &*timed : nullptr, situation.now)) return *found;
        }
        if (const auto found = measured.find(metric.text); found != measured.end()) return found->second;
        const MetricGroup& group = program->groups[metric.group];
        std::vector<std::pair<const std::string*, Oid>> members;
        for (const size_t member : group.metrics)
            members.emplace_back(&program->metrics[member].text, program->metrics[member].type);
        Read(*group.reader, members);
        return measured.at(metric.text);
    }

    Measured ReadApart(Rule::Compiled& rule, size_t i) {
        if (const auto found = measured.find(rule.metrics[i]); found != measured.end()) return found->second;
        if (!rule.readers[i]) {
            const rule::MetricSql sql = CompileForReading(rule.rule.metrics[i]);
            rule.readers[i] = std::make_unique<MetricReader>(std::vector<const rule::MetricSql*>{&sql});
        }
        Read(*rule.readers[i], {{&rule.metrics[i], rule.types[4 + i]}});
        return measured.at(rule.metrics[i]);
    }

    // Of somebody unknown.
    Measured Empty(Rule::Compiled& rule, size_t i) {
        if (const auto found = measured.find(rule.metrics[i]); found != measured.end()) return found->second;
        const pg::Identity identity = pg::Identity::Owner();
        pg::Expression expression(CompileForReading(rule.rule.metrics[i]).empty, {});
        const In in(context);
        Measured result{pg::Value::Null(rule.types[4 + i]), pg::kHoldsForEver};
        bool null = true;
        result.value.datum = expression.Eval(nullptr, nullptr, &null);
        result.value.null = null;
        return measured[rule.metrics[i]] = result;
    }

    std::vector<Measured> Metrics(Rule::Compiled& rule) {
        std::vector<Measured> values;
        if (rule.metrics.empty()) return values;
        if (!program) program = CurrentProgram();
        const std::vector<size_t>& places = rule.Places(*program);
        for (size_t i = 0; i < places.size(); ++i) {
            if (!id)
                values.push_back(Empty(rule, i));
            else if (places[i] == kApart)
                values.push_back(ReadApart(rule, i));
            else
                values.push_back(ReadKept(places[i]));
        }
        return values;
    }

    Answer Evaluate(Rule::Compiled& rule, pg::Expression& expression, const pg::Value& context_value,
                    bool with_until) {
        const std::vector<Measured> metrics = Metrics(rule);
        Situation with_context = situation;
        with_context.context = context_value.null ? situation.context : context_value;
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
    state_->situation = {now, person.attributes, person.account, EmptyObject()};
}

Subject::Subject(Moment now) : state_(std::make_unique<State>()) {
    const pg::Value nothing = EmptyObject();
    state_->situation = {now, nothing, nothing, nothing};
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
