// Updates one batch of people: lock, read the states, read the affected metrics, evaluate, write.
#include "pulse/trait/store_update_state.hpp"

#include <algorithm>
#include <set>
#include <span>

#include "pulse/pg/background.hpp"
#include "pulse/pg/index_plans.hpp"
#include "pulse/pg/jsonb_reader.hpp"
#include "pulse/pg/memory.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/trait/store_archive_wait.hpp"
#include "pulse/trait/store_batch_metrics.hpp"
#include "pulse/trait/store_pipeline.hpp"
#include "pulse/trait/store_unsettled.hpp"

namespace pulse::trait {

namespace {

class StateUpdater {
  public:
    StateUpdater(const Program& program, const UpdateOptions& options)
        : program_(program), options_(options), metrics_(program, batch_) {}

    std::vector<int64_t> Run(const std::vector<ProfileChange>& changes) {
        std::vector<int64_t> ids;
        for (const ProfileChange& change : changes) ids.push_back(change.profile);
        std::vector<int64_t> locked;
        if (options_.locked) {
            locked = ids;
            std::sort(locked.begin(), locked.end());
        } else {
            locked = LockProfiles(ids, options_.wait);
        }
        batch_ = {program_.ReadProgress(), options_.build_to, !options_.build_to && QueueIsEmpty()};
        asks_archive_ = !options_.recalled && ArchiveInUse();
        Load(changes, locked);
        SettleAll();
        NoteWaiting();
        StateWrites writes;
        for (Evaluation& evaluation : evaluations_) writes.Add(std::move(evaluation));
        WriteAll(writes);
        WakePipelineAt(writes.next);
        SetAside(failures_);
        ForgetUnsettled(settled_);
        if (options_.wait || locked.size() == ids.size()) return {};
        std::vector<int64_t> left;
        std::sort(ids.begin(), ids.end());
        std::set_difference(ids.begin(), ids.end(), locked.begin(), locked.end(), std::back_inserter(left));
        return FilterCanonical(left);
    }

  private:
    void Load(const std::vector<ProfileChange>& changes, const std::vector<int64_t>& locked) {
        std::map<int64_t, const ProfileChange*> by_id;
        for (const ProfileChange& change : changes) by_id[change.profile] = &change;
        const Moment now = pg::PastNow(), clock = pg::WallClock();
        for (PersonState& state : ReadStates(locked)) {
            BatchPerson person;
            person.change = by_id[state.profile];
            person.from_future = state.as_of && *state.as_of > clock;
            // If the clock is set back, do not evaluate before the person existed.
            const Moment earliest = std::max(now, std::min(state.first_seen_at, clock));
            person.at = person.from_future ? earliest : std::max(earliest, state.as_of.value_or(earliest));
            person.state = std::move(state);
            people_.push_back(std::move(person));
        }
    }

    // Data of one person must not be in the way of others. A group of people is evaluated in one
    // subtransaction; if it fails, each half by itself, and who is left alone, definition by definition.
    void SettleAll() {
        std::vector<BatchPerson*> together;
        together.reserve(people_.size());
        if (asks_archive_) FindWaiting();
        for (BatchPerson& person : people_) {
            if (waiting_.contains(person.state.profile)) continue;
            if (person.state.unsettled)
                SettleAlone(person);
            else
                together.push_back(&person);
        }
        SettleTogether(together);
        std::sort(evaluations_.begin(), evaluations_.end(),
                  [](const Evaluation& a, const Evaluation& b) { return a.profile < b.profile; });
    }

    void SettleTogether(std::span<BatchPerson*> people) {
        if (people.empty()) return;
        const size_t before = evaluations_.size();
        try {
            pg::Subtransaction apart;
            for (BatchPerson* person : people) ChooseWork(*person);
            LeaveWaiting(people);
            metrics_.Read(people, Rows());
            for (const BatchPerson* person : people) Evaluate(*person);
            apart.Commit();
            return;
        } catch (...) {
            DescribeFailure(people[0]->state.profile, "");
        }
        evaluations_.resize(before);
        if (people.size() == 1) return SettleAlone(*people[0]);
        SettleTogether(people.first(people.size() / 2));
        SettleTogether(people.subspan(people.size() / 2));
    }

    // What fails does not hold; everything else is evaluated.
    void SettleAlone(BatchPerson& person) {
        pg::CheckInterrupts();
        const size_t before = evaluations_.size();
        failure_.reset();
        alone_ = true;
        try {
            pg::Subtransaction apart;
            ChooseWork(person);
            BatchPerson* const one[] = {&person};
            LeaveWaiting(one);
            ReadAlone(person);
            Evaluate(person);
            apart.Commit();
        } catch (...) {
            failure_ = DescribeFailure(person.state.profile, "");
            evaluations_.resize(before);
        }
        alone_ = false;
        if (failure_)
            failures_.push_back(std::move(*failure_));
        else if (person.state.unsettled && !waiting_.contains(person.state.profile))
            settled_.push_back(person.state.profile);
    }

    // Run `work` by itself; false if it fails, with the reason in failure_.
    template <typename Work>
    bool Try(const BatchPerson& person, const std::string& part, Work work) {
        try {
            pg::Subtransaction apart;
            work();
            apart.Commit();
            return true;
        } catch (...) {
            Failure failure = DescribeFailure(person.state.profile, part);
            if (!failure_) failure_ = std::move(failure);
        }
        return false;
    }

    // Find the affected metrics and segments; metrics updated with the new events are not read.
    void ChooseWork(BatchPerson& person) {
        const PersonState& state = person.state;
        person.read.clear();
        ProfileChange everything;
        if (alone_) {
            everything = *person.change;
            everything.everything = true;
        }
        const ProfileChange& change = alone_ ? everything : *person.change;
        StoredSummary stored;
        stored.profile = state.profile;
        stored.as_of = state.as_of;
        stored.next_change_at = state.next_change_at;
        stored.at = person.at;
        stored.from_future = person.from_future;
        stored.expired_metrics = ExpiredIds(state.metrics, person.at);
        stored.expired_versions = ExpiredIds(state.segments, person.at);
        if (IsNew(program_.index, batch_, change, stored)) {
            stored.always = program_.VersionsOfEmptyPerson(person.at);
            static const pg::JsonbReader reader;
            const json::Value attributes = pg::Root(state.attributes.datum);
            const size_t count = reader.Count(attributes);
            for (size_t i = 0; i < count; ++i)
                stored.attributes.emplace_back(reader.Member(attributes, i).first);
            stored.account = reader.Count(pg::Root(state.account.datum)) > 0;
        }
        person.affected = FindAffected(program_.index, batch_, change, stored);
        std::vector<size_t>& read = person.affected.read;
        for (const size_t group : person.affected.move)
            if (!metrics_.ApplyIncrementally(person, program_.groups[group])) read.push_back(group);
    }

    // Who waits goes on: the state lacks what has happened since.
    void FindWaiting() {
        std::vector<int64_t> ids;
        for (const BatchPerson& person : people_) ids.push_back(person.state.profile);
        for (const int64_t id : WaitingForArchive(ids)) waiting_.emplace(id, "event");
        archived_ = WithArchivedEvents(ids);
    }

    // Whoever cannot be evaluated without archived events keeps the state.
    void LeaveWaiting(std::span<BatchPerson* const> people) {
        if (archived_.empty()) return;
        std::map<size_t, std::map<int64_t, BatchPerson*>> wanted;
        for (BatchPerson* person : people)
            if (archived_.contains(person->state.profile))
                for (const size_t group : person->affected.read)
                    wanted[group][person->state.profile] = person;
        for (const auto& [group, readers] : wanted) {
            std::vector<int64_t> ids;
            std::vector<Moment> instants;
            for (const auto& [id, person] : readers) {
                ids.push_back(id);
                instants.push_back(person->at);
            }
            for (const int64_t id : program_.groups[group].reader->FindArchived(ids, instants))
                Leave(*readers.at(id));
        }
    }

    void Leave(BatchPerson& person) {
        if (person.affected.any) waiting_.emplace(person.state.profile, person.affected.cause);
        person.affected = {};
        person.read.clear();
    }

    void NoteWaiting() {
        std::vector<ArchiveWait> people;
        for (const auto& [id, cause] : waiting_)
            people.push_back({id, options_.cause == "event" ? cause : options_.cause, options_.quiet,
                              options_.build_to.has_value()});
        WaitForArchive(people);
    }

    // The metrics of one person, of which some cannot be read.
    void ReadAlone(BatchPerson& person) {
        for (const size_t g : person.affected.read) {
            for (const size_t place : program_.groups[g].metrics) {
                const StoredMetric& metric = program_.metrics[place];
                if (Try(person, "metric " + metric.text, [&] { metrics_.ReadOne(person, place, Rows()); }))
                    continue;
                // Expired from the start: a reader evaluates the events again and gets the error.
                person.read[place] = {pg::Value::Null(metric.type), person.at};
                person.failed.insert(place);
            }
        }
    }

    // Never those of an archive: people are locked.
    rule::EventRows Rows() const {
        if (options_.recalled) return rule::EventRows::kRecalled;
        return asks_archive_ ? rule::EventRows::kLocal : rule::EventRows::kAll;
    }

    pg::Value ValueOf(const BatchPerson& person, const SegmentVersion& version, const RuleInput& input,
                      Moment* until) {
        Rule::Compiled& rule = version.rule.compiled();
        const auto evaluate = [&] {
            std::vector<MetricValue> metrics;
            for (const size_t metric : version.metrics) metrics.push_back(metrics_.Of(person, metric));
            return EvaluateRule(rule, rule.Value(), input, metrics, until);
        };
        if (!alone_) return evaluate();
        pg::Value value = pg::Value::Null(BOOLOID);
        const bool readable = std::none_of(version.metrics.begin(), version.metrics.end(),
                                           [&](size_t metric) { return person.failed.contains(metric); });
        if (readable && Try(person, "segment \"" + version.name + "\"", [&] { value = evaluate(); }))
            return value;
        *until = pg::kHoldsForEver;
        return pg::Value::Null(BOOLOID);
    }

    void Evaluate(const BatchPerson& person) {
        if (!person.affected.any) return;
        Evaluation evaluation;
        evaluation.profile = person.state.profile;
        evaluation.at = person.at;
        evaluation.cause =
            options_.cause == "event" && !options_.recalled ? person.affected.cause : options_.cause.c_str();
        evaluation.quiet = options_.quiet;
        evaluation.metrics = metrics_.Collect(person);
        CollectMemberships(person, evaluation);
        evaluations_.push_back(std::move(evaluation));
    }

    // Keep the stored memberships of versions that still are, and evaluate the affected ones; both are sorted
    // by number.
    void CollectMemberships(const BatchPerson& person, Evaluation& evaluation) {
        const RuleInput input{person.at, person.state.attributes, person.state.account,
                              pg::Value::Null(JSONBOID)};
        auto place = person.affected.versions.begin();
        for (const pg::Timed& before : person.state.segments) {
            while (place != person.affected.versions.end() && program_.versions[*place].id < before.number)
                EvaluateVersion(person, *place++, nullptr, input, evaluation);
            if (place != person.affected.versions.end() && program_.versions[*place].id == before.number) {
                EvaluateVersion(person, *place++, &before, input, evaluation);
            } else if (trait::IndexOf(program_.versions, before.number) != kNotStored) {
                evaluation.segments.push_back(before);
                // A membership that is due and not evaluated here waits for its build.
                if (before.until > person.at)
                    evaluation.next_change_at = std::min(evaluation.next_change_at, before.until);
            }
        }
        while (place != person.affected.versions.end())
            EvaluateVersion(person, *place++, nullptr, input, evaluation);
    }

    void EvaluateVersion(const BatchPerson& person, size_t place, const pg::Timed* before,
                         const RuleInput& input, Evaluation& evaluation) {
        const SegmentVersion& version = program_.versions[place];
        const bool was = before && before->value.type == jbvBool && before->value.val.boolean;
        pg::Timed now;
        now.number = version.id;
        const pg::Value value = ValueOf(person, version, input, &now.until);
        now.value.type = jbvBool;
        now.value.val.boolean = !value.null && DatumGetBool(value.datum);
        if (now.until <= person.at) now.until = person.at + 1;
        if (now.value.val.boolean || now.until != pg::kHoldsForEver) evaluation.segments.push_back(now);
        evaluation.next_change_at = std::min(evaluation.next_change_at, now.until);
        if (now.value.val.boolean != was) evaluation.changes.push_back({&version, now.value.val.boolean});
    }

    const Program& program_;
    const UpdateOptions& options_;
    Batch batch_;
    const BatchMetrics metrics_;
    std::vector<BatchPerson> people_;
    std::vector<Evaluation> evaluations_;
    bool alone_ = false;                      // one person is evaluated, whose data makes something fail
    std::optional<Failure> failure_;          // the first one of that person
    std::vector<Failure> failures_;           // of all
    std::vector<int64_t> settled_;            // set aside before, and evaluated completely now
    bool asks_archive_ = false;               // events may be on an archive
    std::set<int64_t> archived_;              // people who have some
    std::map<int64_t, std::string> waiting_;  // people who cannot be evaluated without, with the cause
};

uint64_t state_updates = 0;

}  // namespace

uint64_t StateUpdates() {
    return state_updates;
}

std::vector<int64_t> UpdateState(const std::vector<ProfileChange>& changes, const UpdateOptions& options) {
    const std::shared_ptr<const Program> program = CurrentProgram();
    if (program->TracksNothing() || changes.empty()) return {};
    ++state_updates;
    pg::Arena arena("pulse settle");
    const pg::IndexPlans by_index;
    return StateUpdater(*program, options).Run(changes);
}

}  // namespace pulse::trait
