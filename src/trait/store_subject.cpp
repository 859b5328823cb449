// Evaluates rules for one person at an instant.
#include "pulse/pg/identity.hpp"
#include "pulse/pg/memory.hpp"
#include "pulse/pg/probe.hpp"
#include "pulse/trait/store_archive_wait.hpp"
#include "pulse/trait/store_read_ahead.hpp"

namespace pulse::trait {

struct Subject::State {
    std::optional<int64_t> id;
    std::shared_ptr<const Program> program;
    RuleInput input;
    MemoryContext context = CurrentMemoryContext;
    bool state_read = false;  // the stored state has been read
    bool never_waits = false;
    std::optional<Moment> as_of;
    Datum kept = 0;
    std::optional<PeopleBlock> own;
    PeopleBlock* block = nullptr;
    Measured& measured() { return block->Of(id.value_or(0)); }

    void OwnBlock(std::vector<int64_t> people, Moment now) {
        block = &own.emplace(std::move(people), now, context);
    }

    void ReadStoredState() {
        if (std::exchange(state_read, true) || !id) return;
        static const pg::Probe probe("profile_state", "profile_state_pkey", {2, 3});
        const pg::ContextScope in_context(context);
        const auto row = probe.Find({Int64GetDatum(*id)});
        if (!row) return;
        as_of = DatumGetTimestampTz((*row)[0].datum);
        kept = (*row)[1].datum;
    }

    bool Needs(MetricReader& reader) const {
        const pg::OwnerSession session;
        return ArchiveInUse() && !reader.FindArchived({*id}, {input.now}).empty();
    }

    void RequireNoWait(MetricReader& reader) const {
        if (never_waits && Needs(reader)) throw NeedsArchive();
    }

    // The program is from the newest snapshot, the state from the current one. A metric missing in the state
    // means "no events" only if the current snapshot sees the metric, and the build has not left the person
    // to wait for an archive.
    bool IsStored(const StoredMetric& metric) const {
        return as_of && *as_of <= input.now && metric.Covers(*id) && metric.xmin.IsVisible() &&
               !(metric.built_to && WaitsForArchive(*id));
    }

    // Who waits for an archive stays as it is, without a state as somebody without events.
    bool HasNothingYet(const StoredMetric& metric) const {
        const pg::OwnerSession session;
        if (as_of || metric.built_to || !ArchiveInUse()) return false;
        const std::optional<Moment> since = WaitsForArchive(*id);
        return since && *since <= input.now;
    }

    MetricValue ReadStored(size_t place) {
        const StoredMetric& metric = program->metrics[place];
        const MetricGroup& group = program->groups[metric.group];
        ReadStoredState();
        if (IsStored(metric)) {
            const pg::ContextScope in_context(context);
            const std::optional<pg::Timed> timed = pg::FindTimed(kept, metric.id);
            if (const auto found = StoredValueAt(metric, timed ? &*timed : nullptr, input.now)) return *found;
            if (Needs(*group.reader)) return {pg::FromJsonb(timed->value, metric.type), pg::kHoldsForEver};
        }
        if (const auto found = measured().find(metric.text); found != measured().end()) return found->second;
        if (HasNothingYet(metric)) return {metric.empty, pg::kHoldsForEver};
        RequireNoWait(*group.reader);
        MetricColumns members;
        for (const size_t member : group.metrics)
            members.emplace_back(&program->metrics[member].text, program->metrics[member].type);
        if (block->Read(*group.reader, members)) return measured().at(metric.text);
        MetricReader alone({rule::ParseMetric(metric.text)});
        return block->ReadAlone(*id, alone, {&metric.text, metric.type});
    }

    MetricValue ReadUnstored(Rule::Compiled& rule, size_t i) {
        if (const auto found = measured().find(rule.metrics[i]); found != measured().end())
            return found->second;
        if (!rule.readers[i])
            rule.readers[i] = std::make_unique<MetricReader>(std::vector<rule::Metric>{rule.rule.metrics[i]});
        RequireNoWait(*rule.readers[i]);
        const std::pair column{&rule.metrics[i], rule.types[4 + i]};
        if (block->Read(*rule.readers[i], {column})) return measured().at(rule.metrics[i]);
        return block->ReadAlone(*id, *rule.readers[i], column);
    }

    // An unknown person.
    MetricValue Empty(Rule::Compiled& rule, size_t i) {
        if (const auto found = measured().find(rule.metrics[i]); found != measured().end())
            return found->second;
        const pg::Identity identity = pg::Identity::Owner();
        pg::Expression expression(CompileMetricForReading(rule.rule.metrics[i]).empty, {});
        const pg::ContextScope in_context(context);
        MetricValue result{pg::Value::Null(rule.types[4 + i]), pg::kHoldsForEver};
        bool null = true;
        result.value.datum = expression.Eval(nullptr, nullptr, &null);
        result.value.null = null;
        return measured()[rule.metrics[i]] = result;
    }

    std::vector<MetricValue> Metrics(Rule::Compiled& rule) {
        std::vector<MetricValue> values;
        if (rule.metrics.empty()) return values;
        if (!program) program = ProgramAt(input.now);
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
    state_->input = {now, person.attributes, person.account, pg::Value::EmptyJsonb()};
    state_->OwnBlock({person.id}, now);
}

Subject::Subject(profile::Person person, Moment now, std::shared_ptr<const Program> program,
                 PeopleBlock& block)
    : Subject(std::move(person), now, std::move(program)) {
    state_->block = &block;
}

Subject::Subject(Moment now) : state_(std::make_unique<State>()) {
    const pg::Value nothing = pg::Value::EmptyJsonb();
    state_->input = {now, nothing, nothing, nothing};
    state_->OwnBlock({}, now);
}

Subject::~Subject() = default;

void Subject::NeverWait() {
    state_->never_waits = true;
}

NeedsArchive::NeedsArchive()
    : UserError(sqlstate::kNotReady, "events on an archive are needed",
                "The person has events there, and what is asked for is not stored.",
                "A trait or a segment that uses the same metric keeps it.") {}

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
