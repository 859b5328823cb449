// The rules of Segment's identity resolution: any id matches, limits of values per kind protect against wrong
// merges, and an id that would exceed a limit is not used. One difference: Segment drops ids from the lowest
// priority up until the rest fits; here each id is used that fits together with those of higher priority. So
// a new anonymous id is attached to the user even if an e-mail address in the same event belongs to another
// person.
#include "pulse/profile/identity_resolution.hpp"
#include "pulse/base/number.hpp"

#include <algorithm>

namespace pulse::profile {

namespace {

using Kinds = std::vector<IdentityKind>;

const IdentityKind* FindKind(const Kinds& kinds, const std::string& name) {
    for (const IdentityKind& kind : kinds)
        if (kind.kind == name) return &kind;
    return nullptr;
}

int Priority(const Kinds& kinds, const std::string& name) {
    const IdentityKind* kind = FindKind(kinds, name);
    return kind ? kind->priority : 0;
}

int CountWithin(const std::vector<Moment>& seen, int64_t window, Moment time) {
    if (window == 0) return static_cast<int>(seen.size());
    return static_cast<int>(
        std::count_if(seen.begin(), seen.end(), [&](Moment moment) { return moment > time - window; }));
}

int Count(const PersonFacts& person, const IdentityKind& kind, Moment time) {
    const auto found = person.seen.find(kind.kind);
    return found == person.seen.end() ? 0 : CountWithin(found->second, kind.window, time);
}

std::string DescribeLimit(const IdentityKind& kind) {
    const std::string values = Plural(kind.max_values, "value");
    if (kind.window == 0) return kind.kind + " allows " + values;
    const bool days = kind.window % kDay == 0;
    const int64_t n = kind.window / (days ? kDay : kHour);
    return kind.kind + " allows " + values + " in " + Plural(n, days ? "day" : "hour");
}

// The limit that two sets of ids would exceed together. A person that exceeds it already, because of a manual
// merge, may stay so but not grow.
std::string ExceededLimit(const PersonFacts& one, const PersonFacts& other, Moment time, const Kinds& kinds) {
    for (const IdentityKind& kind : kinds) {
        if (kind.max_values == 0) continue;
        const int left = Count(one, kind, time), right = Count(other, kind, time);
        if (left + right > kind.max_values && left > 0 && right > 0) return DescribeLimit(kind);
    }
    return "";
}

void AddFacts(PersonFacts& survivor, const PersonFacts& merged) {
    survivor.profiles += merged.profiles;
    survivor.best = std::max(survivor.best, merged.best);
    for (const auto& [kind, seen] : merged.seen) {
        std::vector<Moment>& all = survivor.seen[kind];
        all.insert(all.end(), seen.begin(), seen.end());
    }
}

// Of the ids of the first event that one by which flags were most probably decided before it: the order in
// which FindPerson() looks up a plain id.
const std::string& BucketingId(const std::vector<Identity>& by_priority) {
    for (const char* kind : {"user_id", "anonymous_id"})
        for (const Identity& id : by_priority)
            if (id.kind == kind) return id.value;
    return by_priority.front().value;
}

class Planner {
  public:
    Planner(ResolutionFacts facts, const Kinds& kinds, int max_linked)
        : kinds_(kinds),
          max_linked_(max_linked),
          ids_(std::move(facts.ids)),
          people_(std::move(facts.people)),
          unmerged_(std::move(facts.unmerged)) {}

    void ResolveClaim(IdentityClaim& claim);
    // The person after the merges so far.
    int64_t Find(int64_t person) const {
        for (auto next = merged_.find(person); next != merged_.end(); next = merged_.find(person))
            person = next->second;
        return person;
    }
    ResolutionPlan TakePlan() { return std::move(plan_); }

  private:
    // The result of one claim so far.
    struct State {
        std::optional<int64_t> person;
        int64_t profile = 0;             // where new ids go
        std::optional<Identity> anchor;  // the existing id that decided the person
        std::vector<Identity> fresh;     // new ids that were accepted
        PersonFacts fresh_facts;         // the new ids, as facts of a person
    };

    std::vector<Identity> ByPriority(const IdentityClaim& claim) const;
    void AddNewIdentity(IdentityClaim& claim, State& state, const Identity& id);
    void AddKnownIdentity(IdentityClaim& claim, State& state, const Identity& id, int64_t profile,
                          int64_t person);
    bool WasUnmerged(int64_t one, int64_t other) const;
    void Merge(State& state, const Identity& id, int64_t other, Moment time);
    void CreateOrExtendPerson(IdentityClaim& claim, State& state);
    static void Note(IdentityClaim& claim, const std::string& text) {
        claim.note += (claim.note.empty() ? "" : "; ") + text;
    }

    const Kinds& kinds_;
    int max_linked_;
    std::map<Identity, ResolutionFacts::Owner> ids_;
    std::map<int64_t, PersonFacts> people_;
    std::set<std::pair<int64_t, int64_t>> unmerged_;
    std::map<int64_t, int64_t> merged_;  // merged person -> survivor
    ResolutionPlan plan_;
};

std::vector<Identity> Planner::ByPriority(const IdentityClaim& claim) const {
    std::vector<Identity> ids;
    for (const Identity& id : claim.ids)
        if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
    std::stable_sort(ids.begin(), ids.end(), [&](const Identity& a, const Identity& b) {
        return Priority(kinds_, a.kind) > Priority(kinds_, b.kind);
    });
    if (claim.previous && std::find(ids.begin(), ids.end(), *claim.previous) == ids.end())
        ids.push_back(*claim.previous);
    return ids;
}

void Planner::AddNewIdentity(IdentityClaim& claim, State& state, const Identity& id) {
    PersonFacts alone;
    alone.profiles = 0;
    alone.best = Priority(kinds_, id.kind);
    const IdentityKind* kind = FindKind(kinds_, id.kind);
    if (kind && kind->max_values > 0) alone.seen[id.kind].push_back(claim.time);
    PersonFacts together = state.fresh_facts;
    if (state.person) AddFacts(together, people_[*state.person]);
    const std::string broken = ExceededLimit(together, alone, claim.time, kinds_);
    if (!broken.empty()) return Note(claim, id.kind + " " + id.value + " was not added: " + broken);
    state.fresh.push_back(id);
    AddFacts(state.fresh_facts, alone);
}

bool Planner::WasUnmerged(int64_t one, int64_t other) const {
    return std::any_of(unmerged_.begin(), unmerged_.end(), [&](const auto& pair) {
        const int64_t a = Find(pair.first), b = Find(pair.second);
        return (a == one && b == other) || (a == other && b == one);
    });
}

void Planner::AddKnownIdentity(IdentityClaim& claim, State& state, const Identity& id, int64_t profile,
                               int64_t person) {
    if (state.person == person) return;
    PersonFacts mine = state.fresh_facts;
    if (state.person) AddFacts(mine, people_[*state.person]);
    std::string why;
    if (state.person && WasUnmerged(*state.person, person))
        why = "a merge of the two was undone";
    else
        why = MergeRefusal(mine, people_[person], claim.time, kinds_, max_linked_);
    if (!why.empty()) return Note(claim, id.kind + " " + id.value + " stays with another person: " + why);
    if (state.person) return Merge(state, id, person, claim.time);
    state.person = person;
    state.profile = profile;
    state.anchor = id;
}

void Planner::Merge(State& state, const Identity& id, int64_t other, Moment time) {
    int64_t survivor = *state.person, merged = other;
    if (!Survives(survivor, people_[survivor], merged, people_[merged])) std::swap(survivor, merged);
    plan_.merges.push_back({survivor, merged, *state.anchor, id, time});
    merged_[merged] = survivor;
    AddFacts(people_[survivor], people_[merged]);
    state.person = survivor;
}

void Planner::CreateOrExtendPerson(IdentityClaim& claim, State& state) {
    if (!state.person) {
        claim.created = true;
        state.person = state.profile = -static_cast<int64_t>(plan_.new_people.size()) - 1;
        plan_.new_people.push_back({BucketingId(state.fresh), claim.time});
        people_[*state.person].first_seen_at = claim.time;
    }
    for (const Identity& id : state.fresh) {
        plan_.new_identities.push_back({id, state.profile, claim.time});
        ids_[id] = {state.profile, *state.person};
    }
    if (!state.fresh.empty()) AddFacts(people_[*state.person], state.fresh_facts);
}

void Planner::ResolveClaim(IdentityClaim& claim) {
    State state;
    state.fresh_facts.profiles = 0;
    const std::vector<Identity> ids = ByPriority(claim);
    for (const Identity& id : ids) {
        const auto known = ids_.find(id);
        if (known == ids_.end())
            AddNewIdentity(claim, state, id);
        else
            AddKnownIdentity(claim, state, id, known->second.profile, Find(known->second.person));
    }
    CreateOrExtendPerson(claim, state);
    claim.profile = ids_.at(ids.front()).profile;
    claim.canonical = *state.person;
}

}  // namespace

bool Survives(int64_t one_id, const PersonFacts& one, int64_t other_id, const PersonFacts& other) {
    if (one.best != other.best) return one.best > other.best;
    if (one.first_seen_at != other.first_seen_at) return one.first_seen_at < other.first_seen_at;
    // An existing person is older than a new one; of two new ones the first is older.
    if ((one_id < 0) != (other_id < 0)) return other_id < 0;
    return one_id < 0 ? one_id > other_id : one_id < other_id;
}

std::string MergeRefusal(const PersonFacts& one, const PersonFacts& other, Moment time, const Kinds& kinds,
                         int max_linked) {
    std::string broken = ExceededLimit(one, other, time, kinds);
    if (broken.empty() && one.profiles > 0 && other.profiles > 0 &&
        one.profiles + other.profiles > max_linked)
        broken = "together they would have " + std::to_string(one.profiles + other.profiles) +
                 " profiles, but pulse.max_linked is " + std::to_string(max_linked);
    return broken;
}

bool NeedsResolution(const IdentityClaim& claim, const ResolutionFacts& facts) {
    std::optional<int64_t> person;
    const auto differs = [&](const Identity& id) {
        const auto known = facts.ids.find(id);
        if (known == facts.ids.end()) return true;
        const int64_t its = known->second.person;
        if (!person) person = its;
        return *person != its;
    };
    return std::any_of(claim.ids.begin(), claim.ids.end(), differs) ||
           (claim.previous && differs(*claim.previous));
}

ResolutionPlan PlanResolution(std::vector<IdentityClaim>& claims, ResolutionFacts facts, const Kinds& kinds,
                              int max_linked) {
    Planner planner(std::move(facts), kinds, max_linked);
    for (IdentityClaim& claim : claims) {
        claim.created = false;
        claim.note.clear();
        planner.ResolveClaim(claim);
    }
    for (IdentityClaim& claim : claims) claim.canonical = planner.Find(claim.canonical);
    return planner.TakePlan();
}

}  // namespace pulse::profile
