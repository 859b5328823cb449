// Whose events these are: read, decide (identity_resolution.cpp), write; again when another session was faster.
#include "pulse/profile/store_identity_resolution.hpp"

#include <algorithm>

#include "pulse/pg/array.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/probe.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/profile/identity_resolution.hpp"
#include "pulse/profile/store_index_scan.hpp"
#include "pulse/profile/store_merge.hpp"

namespace pulse::profile {

namespace {

using pg::Value;

// Each round is lost only to a session that made progress itself.
constexpr int kRounds = 100;

std::vector<IdentityKind> LoadKinds() {
    const pg::Identity owner = pg::Identity::Owner();
    const pg::LatestSnapshot snapshot;
    const pg::Session session;
    const pg::Result rows = pg::Execute(
        "SELECT kind, normalisation, priority, max_values, coalesce((extract(epoch"
        " FROM per) * 1e6)::bigint, 0), blocked "
        "FROM pulse.identity_kind ORDER BY priority DESC, kind",
        {}, true);
    std::vector<IdentityKind> kinds;
    for (uint64_t i = 0; i < rows.size(); ++i) {
        IdentityKind kind;
        kind.kind = rows[i].Text(0);
        kind.normalisation = rows[i].Text(1);
        kind.priority = rows[i].Int4(2);
        kind.max_values = rows[i].Int4(3);
        kind.window = rows[i].Int8(4);
        SetBlocked(kind, rows[i].Texts(5));
        kinds.push_back(std::move(kind));
    }
    return kinds;
}

// The canonical ids of profiles.
std::vector<std::optional<int64_t>> ReadCanonical(const std::vector<Datum>& profiles) {
    static const pg::Probe probe("profile", "profile_pkey", {2});
    return probe.FindInt8s(profiles);
}

// Which of the claims' ids are known.
Facts ReadIds(const std::vector<Claim>& claims) {
    static const pg::Probe identities("identity", "identity_pkey", {3});
    std::set<Identity> wanted;
    for (const Claim& claim : claims) {
        wanted.insert(claim.ids.begin(), claim.ids.end());
        if (claim.previous) wanted.insert(*claim.previous);
    }
    std::vector<Datum> keys;
    for (const Identity& id : wanted) {
        keys.push_back(pg::FromText(id.kind));
        keys.push_back(pg::FromText(id.value));
    }
    const std::vector<std::optional<int64_t>> owners = identities.FindInt8s(keys);
    keys.clear();
    for (const std::optional<int64_t>& owner : owners)
        if (owner) keys.push_back(Int64GetDatum(*owner));
    const std::vector<std::optional<int64_t>> people = ReadCanonical(keys);
    Facts facts;
    auto id = wanted.begin();
    auto person = people.begin();
    for (const std::optional<int64_t>& owner : owners) {
        if (owner && *person) facts.ids.emplace_hint(facts.ids.end(), *id, Facts::Place{*owner, **person});
        person += owner.has_value();
        ++id;
    }
    return facts;
}

std::set<int64_t> PeopleOf(const Claim& claim, const Facts& facts) {
    std::set<int64_t> people;
    const auto add = [&](const Identity& id) {
        if (const auto known = facts.ids.find(id); known != facts.ids.end())
            people.insert(known->second.person);
    };
    for (const Identity& id : claim.ids) add(id);
    if (claim.previous) add(*claim.previous);
    return people;
}

void ReadKinds(const std::vector<int64_t>& people, Facts& facts) {
    static pg::Statement statement(
        "SELECT m.canonical_id, k.kind, t.first_seen_at FROM unnest($1) AS u (id) "
        "CROSS JOIN LATERAL (SELECT q.id, q.canonical_id FROM pulse.profile AS q"
        " WHERE q.canonical_id = u.id OFFSET 0) AS m "
        "CROSS JOIN unnest($2, $3) AS k (kind, most) "
        "CROSS JOIN LATERAL (SELECT i.first_seen_at FROM pulse.identity AS i WHERE i.profile_id = m.id"
        " AND i.kind = k.kind "
        "ORDER BY i.first_seen_at DESC LIMIT k.most) AS t",
        {INT8ARRAYOID, TEXTARRAYOID, INT8ARRAYOID});
    std::vector<std::string> names;
    std::vector<int64_t> most;
    std::map<std::string, const IdentityKind*> kinds;
    for (const IdentityKind& kind : IdentityKinds()) {
        kinds[kind.kind] = &kind;
        names.push_back(kind.kind);
        // One more than allowed tells as much as all.
        most.push_back(kind.max_values + 1);
    }
    const pg::Result rows =
        statement.Execute({Value::Int8s(people), Value::Texts(names), Value::Int8s(most)});
    for (uint64_t i = 0; i < rows.size(); ++i) {
        PersonFacts& person = facts.people[rows[i].Int8(0)];
        const IdentityKind& kind = *kinds.at(rows[i].Text(1));
        person.best = std::max(person.best, kind.priority);
        if (kind.max_values > 0) person.seen[kind.kind].push_back(rows[i].Time(2));
    }
}

}  // namespace

void ReadPeople(const std::set<int64_t>& wanted, Facts& facts) {
    static pg::Statement sizes(
        "SELECT p.id, p.first_seen_at, (SELECT count(*) FROM pulse.profile AS m WHERE m.canonical_id = p.id) "
        "FROM unnest($1) AS u (id) CROSS JOIN LATERAL (SELECT * FROM pulse.profile AS q"
        " WHERE q.id = u.id OFFSET 0) AS p",
        {INT8ARRAYOID});
    static pg::Statement apart(
        "SELECT s.canonical_id, m.canonical_id FROM pulse.profile AS m "
        "JOIN pulse.merge_history AS h ON h.merged_id = m.id AND h.undone_at IS NOT NULL "
        "JOIN pulse.profile AS s ON s.id = h.survivor_id "
        "WHERE m.canonical_id = ANY ($1) AND s.canonical_id = ANY ($1) AND s.canonical_id <> m.canonical_id",
        {INT8ARRAYOID});
    if (wanted.empty()) return;
    const std::vector<int64_t> people(wanted.begin(), wanted.end());
    const pg::Result rows = sizes.Execute({Value::Int8s(people)});
    for (uint64_t i = 0; i < rows.size(); ++i) {
        PersonFacts& person = facts.people[rows[i].Int8(0)];
        person.first_seen_at = rows[i].Time(1);
        person.profiles = static_cast<int>(rows[i].Int8(2));
    }
    ReadKinds(people, facts);
    if (people.size() < 2) return;
    const pg::Result pairs = apart.Execute({Value::Int8s(people)});
    for (uint64_t i = 0; i < pairs.size(); ++i) {
        const int64_t one = pairs[i].Int8(0), other = pairs[i].Int8(1);
        facts.apart.insert({std::min(one, other), std::max(one, other)});
    }
}

namespace {

// Give the new people their ids; false when another session made one of their ids first.
bool WriteNew(const Plan& plan, std::vector<int64_t>& made) {
    static pg::Statement next("SELECT nextval('pulse.profile_id_seq') FROM generate_series(1, $1)",
                              {INT8OID});
    static pg::Statement people(
        "INSERT INTO pulse.profile (id, canonical_id, bucketing_id, first_seen_at, updated_at) "
        "SELECT u.id, u.id, u.bucketing_id, u.seen, $4 FROM unnest($1, $2, $3) AS u (id, bucketing_id, seen)",
        {INT8ARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZOID});
    static pg::Statement identities(
        "INSERT INTO pulse.identity (kind, value, profile_id, first_seen_at) "
        "SELECT u.kind, u.value, u.profile_id, u.seen FROM unnest($1, $2, $3, $4) AS u (kind, value,"
        " profile_id, seen) ON CONFLICT DO NOTHING",
        {TEXTARRAYOID, TEXTARRAYOID, INT8ARRAYOID, TIMESTAMPTZARRAYOID});
    if (!plan.news.empty()) {
        const pg::Result ids = next.Execute({Value::Int8(static_cast<int64_t>(plan.news.size()))});
        std::vector<std::string> bucketing;
        std::vector<Moment> seen;
        for (size_t i = 0; i < plan.news.size(); ++i) {
            made.push_back(ids[i].Int8(0));
            bucketing.push_back(plan.news[i].bucketing_id);
            seen.push_back(plan.news[i].first_seen_at);
        }
        people.Execute(
            {Value::Int8s(made), Value::Texts(bucketing), pg::Times(seen), Value::Time(pg::Now())});
    }
    std::vector<Plan::Attach> attached = plan.attached;
    std::sort(attached.begin(), attached.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    std::vector<std::string> kinds, values;
    std::vector<int64_t> profiles;
    std::vector<Moment> seen;
    for (const Plan::Attach& attach : attached) {
        kinds.push_back(attach.id.kind);
        values.push_back(attach.id.value);
        profiles.push_back(attach.profile < 0 ? made[static_cast<size_t>(-attach.profile - 1)]
                                              : attach.profile);
        seen.push_back(attach.first_seen_at);
    }
    if (attached.empty()) return true;
    return identities
               .Execute({Value::Texts(kinds), Value::Texts(values), Value::Int8s(profiles), pg::Times(seen)})
               .processed() == attached.size();
}

// Those still canonical, without waiting: who is locked by another session is left out.
std::vector<int64_t> LockFree(const std::vector<int64_t>& ids) {
    static pg::Statement statement(
        "SELECT p.id FROM pulse.profile AS p WHERE p.id = ANY ($1) AND p.canonical_id = p.id"
        " ORDER BY p.id FOR NO KEY UPDATE SKIP LOCKED",
        {INT8ARRAYOID});
    const pg::Result rows = statement.Execute({Value::Int8s(ids)});
    std::vector<int64_t> locked;
    for (uint64_t i = 0; i < rows.size(); ++i) locked.push_back(rows[i].Int8(0));
    return locked;
}

// Locks one, waiting; false when it was merged away.
bool LockOne(int64_t id) {
    static pg::Statement lock(
        "SELECT p.id FROM pulse.profile AS p WHERE p.id = $1 AND p.canonical_id = p.id FOR NO KEY UPDATE",
        {INT8OID});
    return !lock.Execute({Value::Int8(id)}).empty();
}

// Until whoever holds this one lets go; what is locked for that is let go as well.
void WaitFor(int64_t id) {
    pg::Subtransaction given_up;
    const pg::Session session;
    LockOne(id);
}

// One after the other, waiting. False as soon as one was merged away meanwhile: it is locked then although it
// is nobody, and whoever waited for further ones with that lock would stand in the way of those who move its
// row.
bool LockInTurn(const std::vector<int64_t>& ids, std::vector<int64_t>& locked) {
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

// One round. False: what was read is not true any more.
class Round {
  public:
    Round(std::vector<Claim>& claims, const std::vector<int64_t>& also, bool patient)
        : claims_(claims), also_(also), patient_(patient) {}

    bool Run();
    const std::vector<Plan::Merge>& merges() const { return plan_.merges; }
    std::optional<int64_t> blocked() const { return blocked_; }

  private:
    void TakeAsKnown();
    bool Lock();
    bool StillSo() const;
    bool Write();
    int64_t Real(int64_t id) const { return id < 0 ? made_[static_cast<size_t>(-id - 1)] : id; }

    std::vector<Claim>& claims_;
    const std::vector<int64_t>& also_;
    const bool patient_;              // waits for others; the first rounds do not
    std::optional<int64_t> blocked_;  // somebody whom others hold
    Facts facts_;
    std::set<int64_t> extended_, people_;
    Plan plan_;
    std::vector<int64_t> made_;
};

// All ids are known and each claim's are one person's: nothing is decided.
void Round::TakeAsKnown() {
    std::map<std::string, int> priorities;
    for (const IdentityKind& kind : IdentityKinds()) priorities[kind.kind] = kind.priority;
    for (Claim& claim : claims_) {
        const auto first = std::max_element(
            claim.ids.begin(), claim.ids.end(),
            [&](const Identity& a, const Identity& b) { return priorities[a.kind] < priorities[b.kind]; });
        const Facts::Place& place = facts_.ids.at(*first);
        claim.profile = place.profile;
        claim.canonical = place.person;
        claim.created = false;
        claim.note.clear();
    }
}

bool Round::Lock() {
    std::vector<int64_t> ids(people_.begin(), people_.end());
    ids.insert(ids.end(), also_.begin(), also_.end());
    ids = Sorted(std::move(ids));
    std::vector<int64_t> locked;
    if (!patient_) {
        locked = LockFree(ids);
        const auto [held, other] = std::mismatch(ids.begin(), ids.end(), locked.begin(), locked.end());
        if (held != ids.end()) blocked_ = *held;
        return held == ids.end();
    }
    return LockInTurn(ids, locked) &&
           std::includes(locked.begin(), locked.end(), people_.begin(), people_.end());
}

// Whether the ids, which never change their profile, lead where they did before the people were locked: those
// taken apart meanwhile are canonical as well, and not who they were.
bool Round::StillSo() const {
    std::vector<Datum> profiles;
    for (const auto& known : facts_.ids) profiles.push_back(Int64GetDatum(known.second.profile));
    const std::vector<std::optional<int64_t>> now = ReadCanonical(profiles);
    return std::equal(now.begin(), now.end(), facts_.ids.begin(), facts_.ids.end(),
                      [](const auto& person, const auto& known) { return person == known.second.person; });
}

bool Round::Write() {
    ReadPeople(extended_, facts_);
    plan_ = PlanClaims(claims_, std::move(facts_), IdentityKinds(), pg::settings::max_linked);
    if (!WriteNew(plan_, made_)) return false;
    for (Plan::Merge& merge : plan_.merges) {
        merge.survivor = Real(merge.survivor);
        merge.merged = Real(merge.merged);
        WriteMerge(merge);
    }
    for (Claim& claim : claims_) {
        claim.profile = Real(claim.profile);
        claim.canonical = Real(claim.canonical);
    }
    return true;
}

bool Round::Run() {
    facts_ = ReadIds(claims_);
    bool extends = false;
    for (const Claim& claim : claims_) {
        const bool extended = Extends(claim, facts_);
        if (!extended && !claim.writes) continue;
        const std::set<int64_t> people = PeopleOf(claim, facts_);
        people_.insert(people.begin(), people.end());
        if (extended) extended_.insert(people.begin(), people.end());
        extends = extends || extended;
    }
    if (!extends) TakeAsKnown();
    if (!extends && people_.empty() && also_.empty()) return true;
    // What is locked in vain is let go again: otherwise the next round's locks would not be in ascending
    // order.
    pg::Subtransaction subtransaction;
    {
        const pg::Session session;
        if (!Lock() || !StillSo() || (extends && !Write())) return false;
    }
    subtransaction.Commit();
    return true;
}

}  // namespace

const std::vector<IdentityKind>& IdentityKinds() {
    static pg::Watch watch("identity_kind");
    static std::vector<IdentityKind> kinds;
    static bool stale = true;
    stale = watch.Changed() || stale;
    if (stale) {
        kinds = LoadKinds();
        stale = false;
    }
    return kinds;
}

void Resolve(std::vector<Claim>& claims, const std::vector<int64_t>& also) {
    for (int i = 0; i < kRounds; ++i) {
        pg::CheckInterrupts();
        // All at once or none, waiting for whoever is in the way without holding anybody: with much company
        // that may never be.
        constexpr int kEager = 4;
        Round round(claims, also, i >= kEager);
        if (const ByIndex by_index; !round.Run()) {
            if (round.blocked()) WaitFor(*round.blocked());
            continue;
        }
        if (Listening().merged)
            for (const Plan::Merge& merge : round.merges()) Listening().merged(merge.survivor, merge.merged);
        return;
    }
    throw UserError("40001", "other sessions keep changing the same people", "", "Send the events again.");
}

std::vector<int64_t> LockPeople(std::vector<int64_t> ids) {
    const ByIndex by_index;
    std::vector<int64_t> locked;
    if (!LockInTurn(Sorted(std::move(ids)), locked)) locked.clear();
    return locked;
}

}  // namespace pulse::profile
