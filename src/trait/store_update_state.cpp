// One batch: lock, read what is kept, read what changed, evaluate, and hand over what is to be written.
#include "pulse/trait/store_update_state.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "pulse/pg/background.hpp"
#include "pulse/pg/memory.hpp"
#include "pulse/pg/outcome.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/trait/store_incremental.hpp"
#include "pulse/trait/store_state.hpp"

namespace pulse::trait {

namespace {

// A person of the batch.
struct Someone {
    const Change* change = nullptr;
    Kept kept;
    Moment at = 0;       // as of when
    bool ahead = false;  // what is kept is of an instant that the clock has not reached: it says nothing
    std::vector<size_t> groups;       // that are read again, sorted
    std::vector<size_t> versions;     // that are evaluated
    bool relevant = false;            // something of the change matters to some definition
    std::map<size_t, Measured> read;  // by the metric's place
    const char* cause = "time";
};

void Join(std::vector<size_t>& list, const std::vector<size_t>& more) {
    list.insert(list.end(), more.begin(), more.end());
}

void SortOnce(std::vector<size_t>& list) {
    std::sort(list.begin(), list.end());
    list.erase(std::unique(list.begin(), list.end()), list.end());
}

// The pipeline is told of the first instant at which somebody is due, unless this process has told it of an
// earlier one to come.
void TellPipeline(const std::vector<Moment>& next) {
    static Moment told = pg::kHoldsForEver;
    static uint32_t teller = 0;  // the transaction that told it
    if (next.empty()) return;
    const Moment first = *std::min_element(next.begin(), next.end());
    if (first == pg::kHoldsForEver) return;
    if (first >= told && told > pg::WallClock() && pg::CommittedOrCurrent(teller)) return;
    told = first;
    teller = pg::CurrentTransaction();
    pg::WakeWorker(pg::Lane::kPipeline);
}

class Batch {
  public:
    Batch(const Program& program, const Settling& settling) : program_(program), settling_(settling) {}

    std::vector<int64_t> Run(const std::vector<Change>& changes) {
        std::vector<int64_t> ids;
        for (const Change& change : changes) ids.push_back(change.profile);
        const std::vector<int64_t> locked = Lock(ids, settling_.wait);
        progress_ = program_.ReadProgress();
        moving_ = !settling_.build_to && NothingQueued();
        Load(changes, locked);
        for (Someone& someone : people_) Choose(someone);
        Read();
        const Written written = EvaluateAll();
        Write(written);
        TellPipeline(written.next);
        if (settling_.wait || locked.size() == ids.size()) return {};
        std::vector<int64_t> left;
        std::sort(ids.begin(), ids.end());
        std::set_difference(ids.begin(), ids.end(), locked.begin(), locked.end(), std::back_inserter(left));
        return StillThere(left);
    }

  private:
    // Whether something is kept for this person, or is being built now.
    bool Covers(const std::optional<int64_t>& built_to, int64_t after_profile, int64_t profile) const {
        return !built_to || profile <= *built_to || profile > after_profile ||
               (settling_.build_to && profile <= *settling_.build_to);
    }
    bool CoversMetric(size_t place, int64_t profile) const {
        return Covers(progress_.metrics[place], program_.metrics[place].after_profile, profile);
    }
    bool CoversVersion(size_t place, int64_t profile) const {
        return program_.versions[place].whole &&
               Covers(progress_.versions[place], program_.versions[place].after_profile, profile);
    }

    void Load(const std::vector<Change>& changes, const std::vector<int64_t>& locked) {
        std::map<int64_t, const Change*> by_id;
        for (const Change& change : changes) by_id[change.profile] = &change;
        const Moment now = pg::PastNow(), clock = pg::WallClock();
        for (Kept& kept : ReadKept(locked)) {
            Someone someone;
            someone.change = by_id[kept.profile];
            someone.ahead = kept.as_of && *kept.as_of > clock;
            // With the clock set back nobody is anything before being there.
            const Moment earliest = std::max(now, std::min(kept.first_seen_at, clock));
            someone.at = someone.ahead ? earliest : std::max(earliest, kept.as_of.value_or(earliest));
            someone.kept = std::move(kept);
            people_.push_back(std::move(someone));
        }
    }

    // What is looked at again.
    void Choose(Someone& someone) {
        const Change& change = *someone.change;
        const Kept& kept = someone.kept;
        std::vector<size_t> groups, versions;
        if (IsNew(someone)) {
            ChooseForNew(someone, groups, versions);
        } else if (change.everything || !kept.as_of || someone.ahead) {
            for (size_t i = 0; i < program_.groups.size(); ++i) groups.push_back(i);
            for (size_t i = 0; i < program_.versions.size(); ++i) versions.push_back(i);
            someone.cause = change.events.empty() ? "time" : "event";
        } else {
            for (const std::string& event : change.events) Join(groups, program_.GroupsOf(event));
            for (const std::string& key : change.attributes)
                Join(versions, program_.VersionsOfAttribute(key));
            if (change.account) Join(versions, program_.VersionsOfAccount());
            if (!groups.empty())
                someone.cause = "event";
            else if (!versions.empty())
                someone.cause = change.attributes.empty() ? "account" : "attributes";
            const bool due = kept.next_change_at && *kept.next_change_at <= someone.at;
            if (groups.empty() && versions.empty() && !due && !settling_.build_to) return;
            if (settling_.build_to) JoinBuilding(groups, versions);
            JoinDue(someone, groups, versions);
        }
        SortOnce(groups);
        // A group that waits to be built for this person is not read.
        std::erase_if(groups, [&](size_t group) {
            return std::none_of(program_.groups[group].metrics.begin(), program_.groups[group].metrics.end(),
                                [&](size_t metric) { return CoversMetric(metric, kept.profile); });
        });
        for (const size_t group : groups)
            for (const size_t metric : program_.groups[group].metrics)
                Join(versions, program_.VersionsOf(metric));
        if (moving_ && change.happened && !change.everything && !someone.ahead &&
            (kept.as_of || IsNew(someone)))
            std::erase_if(groups, [&](size_t group) { return Move(someone, program_.groups[group]); });
        SortOnce(versions);
        std::erase_if(versions, [&](size_t version) { return !CoversVersion(version, kept.profile); });
        someone.groups = std::move(groups);
        someone.versions = std::move(versions);
        someone.relevant = true;
    }

    // What the new events make of a group's metrics, where that can be told without reading the others.
    bool Move(Someone& someone, const MetricGroup& group) const {
        std::vector<std::pair<size_t, Measured>> moved;
        const std::vector<std::string>& events = program_.metrics[group.metrics[0]].sql.events;
        for (const size_t place : group.metrics) {
            const KeptMetric& metric = program_.metrics[place];
            if (!CoversMetric(place, someone.kept.profile)) continue;
            if (!metric.mover ||
                (metric.lost_before && !metric.mover->IsAfter(*metric.lost_before, someone.at)))
                return false;
            std::optional<Measured> measured =
                FromKept(metric, Find(someone.kept.metrics, metric.id), someone.at);
            if (!measured) return false;
            for (const profile::Happening& event : *someone.change->happened) {
                if (!events.empty() && std::find(events.begin(), events.end(), event.name) == events.end())
                    continue;
                if (!metric.mover->Move(event, someone.at, *measured)) return false;
            }
            moved.emplace_back(place, std::move(*measured));
        }
        for (auto& [place, measured] : moved) someone.read[place] = std::move(measured);
        return true;
    }

    // Somebody made after all that is defined, and never evaluated: of other events than these there are
    // none.
    bool IsNew(const Someone& someone) const {
        return !someone.kept.as_of && !someone.change->everything && !settling_.build_to &&
               someone.kept.profile > program_.last_before;
    }

    void ChooseForNew(Someone& someone, std::vector<size_t>& groups, std::vector<size_t>& versions) const {
        const Change& change = *someone.change;
        for (const std::string& event : change.events) Join(groups, program_.GroupsOf(event));
        Join(versions, program_.VersionsOfAnybody(someone.at));
        const pg::Json attributes = pg::ToJson(someone.kept.attributes.datum),
                       account = pg::ToJson(someone.kept.account.datum);
        for (const auto& entry : attributes.items())
            Join(versions, program_.VersionsOfAttribute(entry.key()));
        if (!account.empty()) Join(versions, program_.VersionsOfAccount());
        someone.cause = change.events.empty() ? "time" : "event";
    }

    void JoinBuilding(std::vector<size_t>& groups, std::vector<size_t>& versions) const {
        for (const KeptMetric& metric : program_.metrics)
            if (metric.built_to) groups.push_back(metric.group);
        for (size_t i = 0; i < program_.versions.size(); ++i)
            if (program_.versions[i].built_to) versions.push_back(i);
    }

    void JoinDue(const Someone& someone, std::vector<size_t>& groups, std::vector<size_t>& versions) const {
        for (const pg::Timed& timed : someone.kept.metrics) {
            if (timed.until > someone.at) continue;
            const size_t place = trait::PlaceOf(program_.metrics, timed.number);
            if (place != kApart) groups.push_back(program_.metrics[place].group);
        }
        for (const pg::Timed& timed : someone.kept.segments) {
            if (timed.until > someone.at) continue;
            const size_t place = trait::PlaceOf(program_.versions, timed.number);
            if (place != kApart) versions.push_back(place);
        }
    }

    // Set-based: each group once for all who need it.
    void Read() {
        std::vector<std::vector<size_t>> wanted(program_.groups.size());
        for (size_t i = 0; i < people_.size(); ++i)
            for (const size_t group : people_[i].groups) wanted[group].push_back(i);
        const ByIndex by_index;
        for (size_t g = 0; g < wanted.size(); ++g) {
            if (wanted[g].empty()) continue;
            pg::CheckInterrupts();
            std::vector<int64_t> ids;
            std::vector<Moment> instants;
            std::map<int64_t, size_t> places;
            for (const size_t i : wanted[g]) {
                ids.push_back(people_[i].kept.profile);
                instants.push_back(people_[i].at);
                places[ids.back()] = i;
            }
            const MetricGroup& group = program_.groups[g];
            const pg::Result rows = group.reader->Read(ids, instants, false);
            for (uint64_t r = 0; r < rows.size(); ++r)
                Take(group, rows[r], people_[places.at(rows[r].Int8(0))]);
        }
    }

    void Take(const MetricGroup& group, const pg::Row& row, Someone& someone) const {
        for (size_t i = 0; i < group.metrics.size(); ++i) {
            const KeptMetric& metric = program_.metrics[group.metrics[i]];
            const int column = static_cast<int>(1 + 2 * i);
            Measured measured{pg::Value::Null(metric.type), pg::kHoldsForEver};
            if (!row.IsNull(column)) measured.value = pg::Copy({metric.type, row.Raw(column), false});
            if (!row.IsNull(column + 1)) measured.until = row.Time(column + 1);
            someone.read[group.metrics[i]] = measured;
        }
    }

    Measured MetricOf(const Someone& someone, size_t place) const {
        const auto found = someone.read.find(place);
        if (found != someone.read.end()) return found->second;
        const KeptMetric& metric = program_.metrics[place];
        const pg::Timed* timed = Find(someone.kept.metrics, metric.id);
        if (const auto kept = FromKept(metric, timed, someone.at)) return *kept;
        throw std::logic_error("metric " + metric.text + " was not read");
    }

    // Nobody's data keeps the events of others out: when an evaluation fails each is done apart, and what
    // fails then does not hold.
    Written EvaluateAll() {
        try {
            pg::Subtransaction apart;
            Written written;
            for (Someone& someone : people_) Evaluate(someone, written);
            apart.Commit();
            return written;
        } catch (const pg::Error& error) {
            if (!IsOfData(error)) throw;
        }
        careful_ = true;
        Written written;
        for (Someone& someone : people_) Evaluate(someone, written);
        return written;
    }

    // Class 22: numbers out of range and the like.
    static bool IsOfData(const pg::Error& error) { return error.State().substr(0, 2) == "22"; }

    pg::Value ValueOf(const Version& version, const Situation& situation,
                      const std::vector<Measured>& metrics, Moment* until) const {
        Rule::Compiled& rule = version.rule.compiled();
        if (!careful_) return EvaluateRule(rule, rule.Value(), situation, metrics, until);
        try {
            pg::Subtransaction apart;
            const pg::Value value = EvaluateRule(rule, rule.Value(), situation, metrics, until);
            apart.Commit();
            return value;
        } catch (const pg::Error& error) {
            if (!IsOfData(error)) throw;
            pg::Warning("segment \"" + version.name + "\" cannot be evaluated for somebody, who is not in it",
                        error.message);
        }
        *until = pg::kHoldsForEver;
        return pg::Value::Null(BOOLOID);
    }

    void Evaluate(Someone& someone, Written& written) const {
        if (!someone.relevant) return;
        Outcome outcome;
        outcome.profile = someone.kept.profile;
        outcome.at = someone.at;
        outcome.cause = settling_.cause == "event" ? someone.cause : settling_.cause.c_str();
        outcome.quiet = settling_.quiet;
        KeepMetrics(someone, outcome);
        KeepVersions(someone, outcome);
        written.Add(std::move(outcome));
    }

    // What was kept and still is defined, and what was read instead or besides: both by number. Costs as much
    // as there is of these two.
    void KeepMetrics(const Someone& someone, Outcome& outcome) const {
        auto read = someone.read.begin();
        const auto keep_read = [&] {
            const KeptMetric& metric = program_.metrics[read->first];
            if (CoversMetric(read->first, someone.kept.profile) && !IsEmpty(metric, read->second))
                outcome.metrics.push_back({metric.id, pg::ToJsonb(read->second.value), read->second.until});
            ++read;
        };
        for (const pg::Timed& timed : someone.kept.metrics) {
            while (read != someone.read.end() && program_.metrics[read->first].id < timed.number) keep_read();
            if (read != someone.read.end() && program_.metrics[read->first].id == timed.number) {
                keep_read();
            } else if (trait::PlaceOf(program_.metrics, timed.number) != kApart) {
                outcome.metrics.push_back(timed);
            }
        }
        while (read != someone.read.end()) keep_read();
    }

    // The same for memberships.
    void KeepVersions(const Someone& someone, Outcome& outcome) const {
        const Situation situation{someone.at, someone.kept.attributes, someone.kept.account,
                                  pg::Value::Null(JSONBOID)};
        auto place = someone.versions.begin();
        for (const pg::Timed& before : someone.kept.segments) {
            while (place != someone.versions.end() && program_.versions[*place].id < before.number)
                KeepVersion(someone, *place++, nullptr, situation, outcome);
            if (place != someone.versions.end() && program_.versions[*place].id == before.number) {
                KeepVersion(someone, *place++, &before, situation, outcome);
            } else if (trait::PlaceOf(program_.versions, before.number) != kApart) {
                outcome.segments.push_back(before);
                // What was due and is not evaluated here waits to be built.
                if (before.until > someone.at)
                    outcome.next_change_at = std::min(outcome.next_change_at, before.until);
            }
        }
        while (place != someone.versions.end()) KeepVersion(someone, *place++, nullptr, situation, outcome);
    }

    void KeepVersion(const Someone& someone, size_t place, const pg::Timed* before,
                     const Situation& situation, Outcome& outcome) const {
        const Version& version = program_.versions[place];
        const bool was = before && before->value.type == jbvBool && before->value.val.boolean;
        std::vector<Measured> metrics;
        for (const size_t metric : version.metrics) metrics.push_back(MetricOf(someone, metric));
        pg::Timed now;
        now.number = version.id;
        const pg::Value value = ValueOf(version, situation, metrics, &now.until);
        now.value.type = jbvBool;
        now.value.val.boolean = !value.null && DatumGetBool(value.datum);
        if (now.until <= someone.at) now.until = someone.at + 1;
        if (now.value.val.boolean || now.until != pg::kHoldsForEver) outcome.segments.push_back(now);
        outcome.next_change_at = std::min(outcome.next_change_at, now.until);
        if (now.value.val.boolean != was) outcome.changes.push_back({&version, now.value.val.boolean});
    }

    const Program& program_;
    const Settling& settling_;
    Program::Progress progress_;
    bool moving_ = false;   // what is kept is all that came before the changes
    bool careful_ = false;  // an evaluation has failed
    std::vector<Someone> people_;
};

}  // namespace

namespace {
uint64_t settlements = 0;
}

uint64_t Settlements() {
    return settlements;
}

std::vector<int64_t> Settle(const std::vector<Change>& changes, const Settling& settling) {
    const std::shared_ptr<const Program> program = CurrentProgram();
    if (program->idle() || changes.empty()) return {};
    ++settlements;
    pg::Arena arena("pulse settle");
    return Batch(*program, settling).Run(changes);
}

}  // namespace pulse::trait
