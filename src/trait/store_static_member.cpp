// Members of static segments: rows of pulse.static_member, which a metric of kind kStatic looks up. An id's
// row is that of its own profile, so that an unmerge gives each side its memberships back.
#include "pulse/trait/store_static_member.hpp"

#include <map>
#include <set>

#include "pulse/base/error.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/retention.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/profile/listener.hpp"
#include "pulse/profile/store_person.hpp"
#include "pulse/rule/metric.hpp"
#include "pulse/segment/request.hpp"
#include "pulse/segment/segment.hpp"
#include "pulse/trait/store_state.hpp"
#include "pulse/trait/store_update_state.hpp"

namespace pulse::trait {

namespace {

using pg::Value;

using PersonOfProfile = std::map<int64_t, int64_t>;

// By the newest commit.
PersonOfProfile ReadPeople(const std::vector<int64_t>& profiles) {
    static pg::Statement statement("SELECT id, canonical_id FROM pulse.profile WHERE id = ANY ($1)",
                                   {INT8ARRAYOID});
    PersonOfProfile people;
    if (profiles.empty()) return people;
    const ForceIndexPlans force_index_plans;
    const pg::Result rows = statement.Execute({Value::Int8s(profiles)});
    for (uint64_t i = 0; i < rows.size(); ++i) people[rows[i].Int8(0)] = rows[i].Int8(1);
    return people;
}

std::vector<int64_t> PersonsIn(const PersonOfProfile& people) {
    std::set<int64_t> ids;
    for (const auto& [profile, person] : people) ids.insert(person);
    return {ids.begin(), ids.end()};
}

// Lock the people of these profiles until the transaction ends. A merge or unmerge that commits before the
// lock is taken changes who they are.
PersonOfProfile LockPeopleOf(const std::vector<int64_t>& profiles) {
    for (PersonOfProfile people = ReadPeople(profiles);;) {
        pg::CheckInterrupts();
        const std::vector<int64_t> locked = LockProfiles(PersonsIn(people), true);
        PersonOfProfile now = ReadPeople(profiles);
        if (now == people && locked == PersonsIn(people)) return people;
        people = std::move(now);
    }
}

// Those of these people who are in the list: for adding, who has a membership that has begun and is not
// ended; for removing, who has one that is not ended by now. Other transactions have their own clock, which
// may be ahead of ours: what they committed counts.
std::set<int64_t> ListedAmong(int64_t segment, const std::vector<int64_t>& persons, Moment now,
                              StaticAction action) {
    static pg::Statement statement(
        "SELECT d.id FROM unnest($2::bigint[]) AS d (id) WHERE EXISTS (SELECT FROM pulse.profile AS o"
        " CROSS JOIN LATERAL (SELECT FROM pulse.static_member AS h WHERE h.segment_id = $1"
        " AND h.profile_id = o.id AND CASE WHEN $4 THEN h.removed_at IS NULL AND h.added_at <= $3"
        " ELSE h.removed_at IS NULL OR h.removed_at > $3 END OFFSET 0) AS h WHERE o.canonical_id = d.id)",
        {INT8OID, INT8ARRAYOID, TIMESTAMPTZOID, BOOLOID});
    const ForceIndexPlans force_index_plans;
    const pg::Result rows = statement.Execute({Value::Int8(segment), Value::Int8s(persons), Value::Time(now),
                                               Value::Bool(action == StaticAction::kAdd)});
    std::set<int64_t> listed;
    for (uint64_t i = 0; i < rows.size(); ++i) listed.insert(rows[i].Int8(0));
    return listed;
}

// Added and removed at the same instant: the row is the same.
void AddRows(int64_t segment, const std::vector<int64_t>& profiles, Moment now, const std::string& actor) {
    static pg::Statement statement(
        "INSERT INTO pulse.static_member (segment_id, profile_id, added_at, added_by)"
        " SELECT $1, d.id, $3, $4 FROM unnest($2::bigint[]) AS d (id)"
        " ON CONFLICT (segment_id, profile_id, added_at)"
        " DO UPDATE SET added_by = EXCLUDED.added_by, removed_at = NULL, removed_by = NULL",
        {INT8OID, INT8ARRAYOID, TIMESTAMPTZOID, TEXTOID});
    statement.Execute({Value::Int8(segment), Value::Int8s(profiles), Value::Time(now), Value::Text(actor)});
}

void EndRows(int64_t segment, const std::vector<int64_t>& persons, Moment now, const std::string& actor) {
    static pg::Statement statement(
        "UPDATE pulse.static_member AS h SET removed_at = greatest(h.added_at, $3), removed_by = $4"
        " FROM unnest($2::bigint[]) AS d (id) JOIN pulse.profile AS o ON o.canonical_id = d.id"
        " WHERE h.segment_id = $1 AND h.profile_id = o.id AND (h.removed_at IS NULL OR h.removed_at > $3)",
        {INT8OID, INT8ARRAYOID, TIMESTAMPTZOID, TEXTOID});
    const ForceIndexPlans force_index_plans;
    statement.Execute({Value::Int8(segment), Value::Int8s(persons), Value::Time(now), Value::Text(actor)});
}

// Only what depends on the list is evaluated, whatever pulse.evaluation is: who was added is a member when
// the call returns.
void EvaluateChanged(int64_t segment, const std::vector<int64_t>& persons) {
    const std::string metric =
        rule::Print(rule::Metric{.aggregate = rule::Aggregate::kStatic, .segment = segment});
    std::vector<ProfileChange> changes(persons.size());
    for (size_t i = 0; i < persons.size(); ++i) {
        changes[i].profile = persons[i];
        changes[i].events = {metric};
    }
    UpdateState(changes, {"manual", false, true, std::nullopt});
}

segment::Segment LoadStatic(const std::string& name) {
    segment::Segment segment = segment::Load(name);
    if (!segment::ParseRequest(segment.definition).static_segment)
        throw UserError(sqlstate::kWrongObjectType,
                        "segment \"" + segment.name + "\" is not a static segment",
                        "Its definition decides who is a member.",
                        "People are added to segments whose definition is {\"static\": true}.");
    segment::RequireMeasured(segment);
    return segment;
}

// The profile of each user's id.
std::vector<std::optional<int64_t>> FindProfiles(const std::vector<std::string>& users) {
    std::vector<std::optional<int64_t>> profiles;
    profiles.reserve(users.size());
    for (const std::string& user : users) {
        pg::CheckInterrupts();
        profiles.push_back(profile::FindProfileOfId(user));
    }
    return profiles;
}

// Also where months of membership changes are dropped: what happened before is not known any more.
[[maybe_unused]] const bool list_retention_registered = pg::RegisterRetention(
    {{.order = 105,
      .what = "ended memberships of static segments",
      .minutes = &pg::settings::membership_change_retention,
      .sql = "DELETE FROM pulse.static_member WHERE ctid = ANY (ARRAY(SELECT h.ctid"
             " FROM pulse.static_member AS h WHERE h.removed_at < $1 ORDER BY h.removed_at LIMIT $2))"}});

}  // namespace

std::vector<StaticChange> ChangeStaticMembers(const std::string& name, const std::vector<std::string>& users,
                                              StaticAction action, const std::string& actor) {
    if (users.size() > kMaxStaticUsers)
        throw UserError(sqlstate::kProgramLimit, "too many users",
                        "There are " + std::to_string(users.size()) + ".",
                        "Give at most " + std::to_string(kMaxStaticUsers) + " in one call.");
    const Moment now = pg::PastNow();
    LoadStatic(name);
    const pg::OwnerSession session;
    profile::GetListener().before_write();
    // Now nobody changes definitions.
    const int64_t segment = LoadStatic(name).id;
    const std::vector<std::optional<int64_t>> found = FindProfiles(users);
    std::vector<int64_t> known;
    for (const std::optional<int64_t>& profile : found)
        if (profile) known.push_back(*profile);
    const PersonOfProfile people = LockPeopleOf(known);
    std::set<int64_t> listed = ListedAmong(segment, PersonsIn(people), now, action);

    const bool adds = action == StaticAction::kAdd;
    std::vector<StaticChange> changes;
    std::vector<int64_t> changed_profiles, changed_people;
    for (size_t i = 0; i < users.size(); ++i) {
        const auto person = found[i] ? people.find(*found[i]) : people.end();
        if (person == people.end()) {
            changes.push_back({users[i], std::nullopt, "unknown_user"});
        } else if (listed.contains(person->second) == adds) {
            changes.push_back({users[i], person->second, adds ? "already_member" : "not_member"});
        } else {
            changes.push_back({users[i], person->second, adds ? "added" : "removed"});
            changed_profiles.push_back(person->first);
            changed_people.push_back(person->second);
            if (adds)
                listed.insert(person->second);
            else
                listed.erase(person->second);
        }
    }
    if (changed_people.empty()) return changes;
    if (adds)
        AddRows(segment, changed_profiles, now, actor);
    else
        EndRows(segment, changed_people, now, actor);
    EvaluateChanged(segment, changed_people);
    return changes;
}

std::vector<StaticPeriod> StaticPeriods(int64_t segment, int64_t person, Moment now, int limit) {
    const pg::Result rows = pg::Execute(
        "SELECT h.added_at, h.added_by, h.removed_at, h.removed_by FROM pulse.profile AS o"
        " JOIN pulse.static_member AS h ON h.profile_id = o.id WHERE o.canonical_id = $2"
        " AND h.segment_id = $1 AND h.added_at <= $3 ORDER BY h.added_at DESC, h.profile_id LIMIT $4",
        {Value::Int8(segment), Value::Int8(person), Value::Time(now), Value::Int4(limit)}, true);
    std::vector<StaticPeriod> periods;
    for (uint64_t i = 0; i < rows.size(); ++i)
        periods.push_back({rows[i].Time(0), rows[i].Text(1), rows[i].TimeOrNull(2), rows[i].TextOrNull(3)});
    return periods;
}

}  // namespace pulse::trait
