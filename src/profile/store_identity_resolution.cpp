// Resolving identities: read, plan (identity_resolution.cpp), write; repeat if another session was faster.
#include "pulse/profile/store_identity_resolution.hpp"

#include <algorithm>
#include <functional>
#include <optional>

#include "pulse/pg/append.hpp"
#include "pulse/pg/array.hpp"
#include "pulse/pg/index_plans.hpp"
#include "pulse/pg/memory.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/profile/details_listener.hpp"
#include "pulse/profile/store_identity_kind.hpp"
#include "pulse/profile/store_index_scan.hpp"
#include "pulse/profile/store_merge.hpp"
#include "pulse/profile/store_resolution_facts.hpp"

namespace pulse::profile {

namespace {

using pg::Value;

// An attempt fails only if another session made progress.
constexpr int kMaxAttempts = 100;

std::set<int64_t> PeopleOf(const IdentityClaim& claim, const ResolutionFacts& facts) {
    std::set<int64_t> people;
    const auto add = [&](const Identity& id) {
        if (const auto known = facts.ids.find(id); known != facts.ids.end())
            people.insert(known->second.person);
    };
    for (const Identity& id : claim.ids) add(id);
    if (claim.previous) add(*claim.previous);
    return people;
}

// Insert new people and identities. Returns false if another session inserted one of the identities first.
bool InsertNew(const ResolutionPlan& plan, std::vector<int64_t>& made) {
    static pg::Statement people(
        "INSERT INTO pulse.profile (id, canonical_id, bucketing_id, first_seen_at, updated_at) "
        "SELECT u.id, u.id, u.bucketing_id, u.seen, $4 FROM unnest($1, $2, $3) AS u (id, bucketing_id, seen)",
        {INT8ARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZOID});
    static pg::Statement identities(
        "INSERT INTO pulse.identity (kind, value, profile_id, first_seen_at) "
        "SELECT u.kind, u.value, u.profile_id, u.seen FROM unnest($1, $2, $3, $4) AS u (kind, value,"
        " profile_id, seen) ON CONFLICT DO NOTHING",
        {TEXTARRAYOID, TEXTARRAYOID, INT8ARRAYOID, TIMESTAMPTZARRAYOID});
    if (!plan.new_people.empty()) {
        made = pg::NextValues("profile_id_seq", plan.new_people.size());
        std::vector<std::string> bucketing;
        std::vector<Moment> seen;
        for (size_t i = 0; i < plan.new_people.size(); ++i) {
            bucketing.push_back(plan.new_people[i].bucketing_id);
            seen.push_back(plan.new_people[i].first_seen_at);
        }
        people.Execute(
            {Value::Int8s(made), Value::Texts(bucketing), pg::Times(seen), Value::Time(pg::Now())});
    }
    std::vector<ResolutionPlan::NewIdentity> new_identities = plan.new_identities;
    std::sort(new_identities.begin(), new_identities.end(),
              [](const auto& a, const auto& b) { return a.id < b.id; });
    std::vector<std::string> kinds, values;
    std::vector<int64_t> profiles;
    std::vector<Moment> seen;
    for (const ResolutionPlan::NewIdentity& identity : new_identities) {
        kinds.push_back(identity.id.kind);
        values.push_back(identity.id.value);
        profiles.push_back(identity.profile < 0 ? made[static_cast<size_t>(-identity.profile - 1)]
                                                : identity.profile);
        seen.push_back(identity.first_seen_at);
    }
    if (new_identities.empty()) return true;
    return identities
               .Execute({Value::Texts(kinds), Value::Texts(values), Value::Int8s(profiles), pg::Times(seen)})
               .processed() == new_identities.size();
}

// Lock people without waiting. Returns their canonical ids as they are then, up to the first one that another
// session has locked.
std::vector<std::optional<int64_t>> LockWithoutWaiting(const std::vector<int64_t>& ids) {
    std::vector<Datum> keys;
    keys.reserve(ids.size());
    for (const int64_t id : ids) keys.push_back(Int64GetDatum(id));
    return ProfileProbe().LockInt8s(keys);
}

// Lock one person, waiting. Returns false if it was merged into another.
bool LockOne(int64_t id) {
    static pg::Statement lock(
        "SELECT p.id FROM pulse.profile AS p WHERE p.id = $1 AND p.canonical_id = p.id FOR NO KEY UPDATE",
        {INT8OID});
    return !lock.Execute({Value::Int8(id)}).empty();
}

// Wait until the lock on this person is free; the subtransaction releases it again.
void WaitForLock(int64_t id) {
    pg::Subtransaction given_up;
    const pg::Session session;
    LockOne(id);
}

// Lock one after the other, waiting. Returns false as soon as one was merged into another person during the
// wait: its row is locked then although it is not a person any more, and waiting for further locks while
// holding it would block sessions that move this row.
bool LockAscending(const std::vector<int64_t>& ids, std::vector<int64_t>& locked) {
    static pg::Statement look("SELECT p.canonical_id = p.id FROM pulse.profile AS p WHERE p.id = $1",
                              {INT8OID});
    for (const int64_t id : ids) {
        pg::CheckInterrupts();
        const pg::Result now = look.Execute({Value::Int8(id)});
        if (now.empty() || !now[0].Bool(0)) continue;
        if (!LockOne(id)) return false;
        locked.push_back(id);
    }
    return true;
}

std::vector<int64_t> Sorted(std::vector<int64_t> ids) {
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    return ids;
}

// One attempt: Read(), then Finish(), which returns false if the data that was read has changed.
class ResolutionAttempt {
  public:
    ResolutionAttempt(std::vector<IdentityClaim>& claims, const std::vector<int64_t>& also, bool waits)
        : claims_(claims), also_(also), waits_(waits) {}

    void Read();
    bool Finish();
    // After Read(): whether no claim changes people, and whether people are to be locked.
    bool KnowsAll() const { return !extends_; }
    bool Locks() const { return extends_ || !people_.empty() || !also_.empty(); }
    const std::vector<ResolutionPlan::Merge>& merges() const { return plan_.merges; }
    const std::set<int64_t>& consents() const { return consents_; }
    // Existing profiles that got ids, and people who were merged.
    std::vector<int64_t> Changed() const;
    std::optional<int64_t> blocked() const { return blocked_; }

  private:
    void UseKnownPeople();
    void AwaitHolders() const;
    bool Lock();
    bool IsUnchanged() const;
    bool Write();
    int64_t RealId(int64_t id) const { return id < 0 ? made_[static_cast<size_t>(-id - 1)] : id; }

    std::vector<IdentityClaim>& claims_;
    const std::vector<int64_t>& also_;
    const bool waits_;                // whether it waits for locks; the first attempts do not
    std::optional<int64_t> blocked_;  // a person locked by another session
    ResolutionFacts facts_;
    Holders holders_;
    bool extends_ = false;
    std::set<int64_t> extended_, people_;
    ResolutionPlan plan_;
    std::vector<int64_t> made_;
    std::set<int64_t> consents_;  // people whose consent the merges changed
};

// All ids exist and those of each claim belong to one person: there is nothing to resolve.
void ResolutionAttempt::UseKnownPeople() {
    std::map<std::string, int> priorities;
    for (const IdentityKind& kind : IdentityKinds()) priorities[kind.kind] = kind.priority;
    for (IdentityClaim& claim : claims_) {
        const auto first = std::max_element(
            claim.ids.begin(), claim.ids.end(),
            [&](const Identity& a, const Identity& b) { return priorities[a.kind] < priorities[b.kind]; });
        const ResolutionFacts::Owner& place = facts_.ids.at(*first);
        claim.profile = place.profile;
        claim.canonical = place.person;
        claim.created = false;
        claim.note.clear();
    }
}

bool ResolutionAttempt::Lock() {
    std::vector<int64_t> ids(people_.begin(), people_.end());
    ids.insert(ids.end(), also_.begin(), also_.end());
    ids = Sorted(std::move(ids));
    std::vector<int64_t> locked;
    if (!waits_) {
        const std::vector<std::optional<int64_t>> canonical = LockWithoutWaiting(ids);
        if (canonical.size() < ids.size()) {
            blocked_ = ids[canonical.size()];
            return false;
        }
        return std::equal(ids.begin(), ids.end(), canonical.begin(),
                          [](int64_t id, const auto& person) { return person == id; });
    }
    return LockAscending(ids, locked) &&
           std::includes(locked.begin(), locked.end(), people_.begin(), people_.end());
}

// Whether the ids still belong to the same people as before these were locked. Ids never change their
// profile, but an unmerge meanwhile can make a profile canonical that was not. A locked person is canonical.
bool ResolutionAttempt::IsUnchanged() const {
    std::vector<Datum> profiles;
    std::vector<int64_t> people;
    for (const auto& [id, owner] : facts_.ids) {
        if (owner.profile == owner.person && people_.contains(owner.person)) continue;
        profiles.push_back(Int64GetDatum(owner.profile));
        people.push_back(owner.person);
    }
    const std::vector<std::optional<int64_t>> now = ProfileProbe().FindInt8s(profiles);
    return std::equal(now.begin(), now.end(), people.begin(), people.end(),
                      [](const auto& person, int64_t known) { return person == known; });
}

bool ResolutionAttempt::Write() {
    ReadPeople(extended_, facts_);
    plan_ = PlanResolution(claims_, std::move(facts_), IdentityKinds(), pg::settings::max_linked);
    if (!InsertNew(plan_, made_)) return false;
    for (ResolutionPlan::Merge& merge : plan_.merges) {
        merge.survivor = RealId(merge.survivor);
        merge.merged = RealId(merge.merged);
        merge.history = WriteMerge(merge, consents_);
    }
    for (IdentityClaim& claim : claims_) {
        claim.profile = RealId(claim.profile);
        claim.canonical = RealId(claim.canonical);
    }
    return true;
}

std::vector<int64_t> ResolutionAttempt::Changed() const {
    std::vector<int64_t> changed;
    for (const ResolutionPlan::NewIdentity& identity : plan_.new_identities)
        if (identity.profile > 0) changed.push_back(identity.profile);
    for (const ResolutionPlan::Merge& merge : plan_.merges) {
        changed.push_back(merge.survivor);
        changed.push_back(merge.merged);
    }
    return changed;
}

void ResolutionAttempt::AwaitHolders() const {
    std::set<TransactionId> awaited;
    for (const auto& [person, holder] : holders_)
        if (people_.contains(person) && awaited.insert(holder).second) pg::WaitForEnd(holder);
}

void ResolutionAttempt::Read() {
    facts_ = ReadIds(claims_, holders_);
    for (const IdentityClaim& claim : claims_) {
        const bool extended = NeedsResolution(claim, facts_);
        if (!extended && !claim.writes) continue;
        const std::set<int64_t> people = PeopleOf(claim, facts_);
        people_.insert(people.begin(), people.end());
        if (extended) extended_.insert(people.begin(), people.end());
        extends_ = extends_ || extended;
    }
    if (!extends_) UseKnownPeople();
}

bool ResolutionAttempt::Finish() {
    if (!Locks()) return true;
    // Before there are locks that would have to be given up. What was read is checked once it is locked.
    if (!waits_) AwaitHolders();
    // A failed attempt releases its locks: otherwise the locks of the next attempt would not be in ascending
    // order.
    pg::Subtransaction subtransaction;
    {
        const pg::Session session;
        if (!Lock() || !IsUnchanged() || (extends_ && !Write())) return false;
    }
    subtransaction.Commit();
    return true;
}

std::vector<int64_t> ProfilesOf(const std::vector<IdentityClaim>& claims) {
    std::vector<int64_t> profiles;
    profiles.reserve(claims.size());
    for (const IdentityClaim& claim : claims) profiles.push_back(claim.profile);
    return profiles;
}

// What the caller does before people are locked, for these profiles of the claims; rolled back unless
// committed.
class WorkBeforeLocks {
  public:
    WorkBeforeLocks(const std::function<void()>& work, const std::vector<IdentityClaim>& claims)
        : profiles_(ProfilesOf(claims)), caller_(CurrentMemoryContext) {
        session_.emplace();
        // What it makes outlives the session.
        const pg::ContextScope callers(caller_);
        work();
    }

    bool IsFor(const std::vector<IdentityClaim>& claims) const { return ProfilesOf(claims) == profiles_; }
    void Commit() {
        session_.reset();
        subtransaction_.Commit();
    }

  private:
    const std::vector<int64_t> profiles_;
    MemoryContext caller_;
    pg::Subtransaction subtransaction_;
    std::optional<pg::Session> session_;
};

}  // namespace

Resolution ResolveIdentities(std::vector<IdentityClaim>& claims, const std::vector<int64_t>& also,
                             const std::function<void()>& before_locks) {
    std::optional<WorkBeforeLocks> worked;
    for (int i = 0; i < kMaxAttempts; ++i) {
        pg::CheckInterrupts();
        // Lock all at once or none, and wait for a blocking session without holding locks. Under heavy
        // contention that may never succeed, so later attempts wait.
        constexpr int kAttemptsWithoutWaiting = 4;
        ResolutionAttempt attempt(claims, also, i >= kAttemptsWithoutWaiting);
        {
            const pg::IndexPlans by_index;
            attempt.Read();
        }
        if (worked && !(attempt.KnowsAll() && worked->IsFor(claims)))
            worked.reset();
        else if (i == 0 && before_locks && attempt.KnowsAll() && attempt.Locks())
            worked.emplace(before_locks, claims);
        if (const pg::IndexPlans by_index; !attempt.Finish()) {
            if (attempt.blocked()) WaitForLock(*attempt.blocked());
            continue;
        }
        if (worked) worked->Commit();
        if (GetListener().merged)
            for (const ResolutionPlan::Merge& merge : attempt.merges())
                GetListener().merged(merge.survivor, merge.merged);
        AnnounceMergedConsents(attempt.consents());
        if (DetailsWanted()) AnnounceDetails(attempt.Changed());
        return {attempt.merges(), worked.has_value()};
    }
    throw UserError(sqlstate::kSerializationFailure, "other sessions keep changing the same people", "",
                    "Send the events again.");
}

std::vector<int64_t> LockPeople(std::vector<int64_t> ids) {
    const ForceIndexScans force_index;
    std::vector<int64_t> locked;
    if (!LockAscending(Sorted(std::move(ids)), locked)) locked.clear();
    return locked;
}

}  // namespace pulse::profile
