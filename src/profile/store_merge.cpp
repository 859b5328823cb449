// Merging two people, and undoing it.
#include "pulse/profile/store_merge.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/profile/details_listener.hpp"
#include "pulse/profile/consent_listener.hpp"
#include "pulse/profile/store_consent.hpp"
#include "pulse/profile/store_feed_writer.hpp"
#include "pulse/profile/store_identity_resolution.hpp"
#include "pulse/profile/store_person.hpp"
#include "pulse/profile/store_resolution_facts.hpp"

namespace pulse::profile {

namespace {

using pg::Value;

constexpr int kMergeRounds = 100;

int64_t WriteHistory(int64_t survivor, int64_t merged, Moment at, const std::string& reason,
                     const Value& linked_by, const std::optional<std::string>& actor) {
    static pg::Statement statement(
        "INSERT INTO pulse.merge_history (survivor_id, merged_id, merged_at, reason, linked_by, done_by,"
        " profiles, survivor_attributes, "
        "merged_attributes, filled, survivor_account_id, merged_account_id) "
        "SELECT s.id, m.id, $3, $4, $5, coalesce($6, session_user), ARRAY(SELECT p.id"
        " FROM pulse.profile AS p WHERE p.canonical_id = m.id ORDER BY p.id), "
        "s.attributes, m.attributes, m.attributes - ARRAY(SELECT jsonb_object_keys(s.attributes)),"
        " s.account_id, m.account_id "
        "FROM pulse.profile AS s, pulse.profile AS m WHERE s.id = $1 AND m.id = $2 RETURNING id",
        {INT8OID, INT8OID, TIMESTAMPTZOID, TEXTOID, JSONBOID, TEXTOID});
    const Value by = actor ? Value::Text(*actor) : Value::Null(TEXTOID);
    return statement
        .Execute({Value::Int8(survivor), Value::Int8(merged), Value::Time(at), Value::Text(reason), linked_by,
                  by})[0]
        .Int8(0);
}

// The survivor keeps its values and takes over those it does not have. All profiles of the merged person
// become profiles of the survivor.
void ApplyMerge(int64_t history) {
    static pg::Statement fill(
        "UPDATE pulse.profile AS p SET attributes = h.filled || p.attributes, account_id ="
        " coalesce(p.account_id, h.merged_account_id), "
        "updated_at = $2 FROM pulse.merge_history AS h WHERE h.id = $1 AND p.id = h.survivor_id "
        "AND (h.filled <> '{}' OR p.account_id IS NULL AND h.merged_account_id IS NOT NULL)",
        {INT8OID, TIMESTAMPTZOID});
    static pg::Statement move(
        "UPDATE pulse.profile AS p SET canonical_id = h.survivor_id FROM pulse.merge_history AS h "
        "WHERE h.id = $1 AND p.canonical_id = h.merged_id",
        {INT8OID});
    fill.Execute({Value::Int8(history), Value::Time(pg::Now())});
    move.Execute({Value::Int8(history)});
}

// Lock both people and read them as of the newest commit. Empty if another session changed them.
std::optional<ResolutionPlan::Merge> LockBoth(const std::string& one, const std::string& other) {
    static pg::Statement canonical("SELECT canonical_id FROM pulse.profile WHERE id = ANY ($1)",
                                   {INT8ARRAYOID});
    const int64_t a = RequirePerson(one).id, b = RequirePerson(other).id;
    // Probes read the statement's snapshot.
    std::set<int64_t> people;
    const pg::Result rows = canonical.Execute({Value::Int8s({a, b})});
    for (uint64_t i = 0; i < rows.size(); ++i) people.insert(rows[i].Int8(0));
    if (people.size() == 1)
        throw UserError(sqlstate::kInvalidParameter, "both ids belong to the same person",
                        "Both belong to profile:" + std::to_string(*people.begin()) + ".",
                        "pulse_profile() shows all ids of a person, and the reasons of its merges.");
    if (LockPeople({people.begin(), people.end()}).size() < 2) return std::nullopt;
    ResolutionFacts facts;
    ReadPeople(people, facts);
    const int64_t low = *people.begin(), high = *people.rbegin();
    const bool keeps = Survives(low, facts.people[low], high, facts.people[high]);
    return ResolutionPlan::Merge{keeps ? low : high, keeps ? high : low, {}, {}, pg::Now(), 0};
}

// Notes the survivor if its consent changes; the merged person is none any more.
void MergeConsents(int64_t survivor, int64_t merged, std::set<int64_t>& changed) {
    for (const int64_t person : MoveConsents({survivor, merged}))
        if (person == survivor) changed.insert(person);
    changed.erase(merged);
}

void RequireReason(const std::string& reason) {
    if (reason.find_first_not_of(" \t\r\n") == std::string::npos)
        throw UserError(sqlstate::kInvalidParameter, "a reason is required", "",
                        "Give the reason in a few words; it is kept in pulse.merge_history.");
}

struct UndoableMerge {
    int64_t survivor = 0, merged = 0;
};

// Find a merge that can be undone; throws UserError otherwise.
UndoableMerge RequireUndoable(int64_t merge) {
    const pg::Result rows = pg::Execute(
        "SELECT h.survivor_id, h.merged_id, h.undone_at, (SELECT l.id FROM pulse.merge_history AS l"
        " WHERE l.merged_id = h.survivor_id "
        "AND l.undone_at IS NULL ORDER BY l.id LIMIT 1), EXISTS (SELECT FROM pulse.profile AS p"
        " WHERE p.id = ANY (h.profiles) "
        "AND p.canonical_id <> h.survivor_id) FROM pulse.merge_history AS h WHERE h.id = $1",
        {Value::Int8(merge)});
    const std::string number = std::to_string(merge);
    if (rows.empty())
        throw UserError(sqlstate::kUndefinedObject, "merge " + number + " does not exist", "",
                        "pulse.merge_history lists all merges.");
    if (!rows[0].IsNull(2))
        throw UserError(sqlstate::kNotReady, "merge " + number + " is already undone", "",
                        "pulse.merge_history shows when, by whom and why.");
    if (const auto later = rows[0].Int8OrNull(3))
        throw UserError(
            sqlstate::kNotReady, "a later merge depends on merge " + number,
            "Merge " + std::to_string(*later) + " merged the survivor into another person.",
            "Undo that merge first: SELECT pulse_unmerge(" + std::to_string(*later) + ", 'reason').");
    if (rows[0].Bool(4))
        throw UserError(sqlstate::kNotReady, "merge " + number + " is no longer in effect",
                        "Its profiles belong to other people now.", "");
    return {rows[0].Int8(0), rows[0].Int8(1)};
}

// Remove the attributes that the survivor took over and that are unchanged, and fill in those of later
// merges.
void RevertMerge(int64_t merge, const UndoableMerge& undone) {
    static const char* const kTakeAway =
        "UPDATE pulse.profile AS p SET attributes = p.attributes - ARRAY(SELECT f.key"
        " FROM jsonb_each(h.filled) AS f "
        "WHERE p.attributes -> f.key = f.value), account_id = CASE WHEN h.survivor_account_id IS NULL"
        " AND p.account_id = h.merged_account_id "
        "THEN NULL ELSE p.account_id END, updated_at = $2 FROM pulse.merge_history AS h WHERE h.id = $1"
        " AND p.id = h.survivor_id";
    static const char* const kGiveBack =
        "UPDATE pulse.profile AS p SET canonical_id = h.merged_id, updated_at = CASE"
        " WHEN p.id = h.merged_id THEN $2 ELSE p.updated_at END "
        "FROM pulse.merge_history AS h WHERE h.id = $1 AND p.id = ANY (h.profiles)";
    static const char* const kLater =
        "SELECT id FROM pulse.merge_history WHERE survivor_id = $1 AND id > $2 AND undone_at IS NULL"
        " ORDER BY id";
    static const char* const kRefill =
        "UPDATE pulse.merge_history AS h SET filled = h.filled || (h.merged_attributes - ARRAY(SELECT"
        " jsonb_object_keys(p.attributes))) "
        "FROM pulse.profile AS p WHERE h.id = $1 AND p.id = h.survivor_id";
    const Value now = Value::Time(pg::Now());
    pg::Execute(kTakeAway, {Value::Int8(merge), now});
    pg::Execute(kGiveBack, {Value::Int8(merge), now});
    const pg::Result later = pg::Execute(kLater, {Value::Int8(undone.survivor), Value::Int8(merge)});
    for (uint64_t i = 0; i < later.size(); ++i) {
        pg::Execute(kRefill, {Value::Int8(later[i].Int8(0))});
        ApplyMerge(later[i].Int8(0));
    }
}

}  // namespace

void AnnounceMergedConsents(const std::set<int64_t>& people) {
    if (!people.empty()) AnnounceConsent({people.begin(), people.end()});
}

int64_t WriteMerge(const ResolutionPlan::Merge& merge, std::set<int64_t>& consents) {
    const pg::Json linked = pg::Json::array({{{"kind", merge.one.kind}, {"value", merge.one.value}},
                                             {{"kind", merge.other.kind}, {"value", merge.other.value}}});
    const int64_t id =
        WriteHistory(merge.survivor, merge.merged, pg::Now(), "event", Value::Jsonb(linked), std::nullopt);
    ApplyMerge(id);
    MergeConsents(merge.survivor, merge.merged, consents);
    return id;
}

int64_t MergePeople(const std::string& one, const std::string& other, const std::string& reason,
                    const std::string& actor) {
    RequireReason(reason);
    if (GetListener().before_write) GetListener().before_write();
    std::set<int64_t> consents;
    for (int i = 0; i < kMergeRounds; ++i) {
        pg::CheckInterrupts();
        std::optional<ResolutionPlan::Merge> both;
        int64_t id = 0;
        {
            pg::Subtransaction subtransaction;
            {
                const pg::Session session;
                both = LockBoth(one, other);
                if (!both) continue;
                id = WriteHistory(both->survivor, both->merged, both->time, reason, Value::Null(JSONBOID),
                                  actor);
                ApplyMerge(id);
                both->history = id;
                consents.clear();
                MergeConsents(both->survivor, both->merged, consents);
                FeedWriter feed(both->time);
                feed.AddMerge(*both, reason);
                feed.Write();
            }
            subtransaction.Commit();
        }
        if (GetListener().merged) GetListener().merged(both->survivor, both->merged);
        AnnounceMergedConsents(consents);
        AnnounceDetails({both->survivor, both->merged});
        return id;
    }
    throw UserError(sqlstate::kSerializationFailure, "other sessions keep changing the same people", "",
                    "Try again.");
}

int64_t UnmergePeople(int64_t merge, const std::string& reason, const std::string& actor) {
    RequireReason(reason);
    if (GetListener().before_write) GetListener().before_write();
    UndoableMerge undone = RequireUndoable(merge);
    // The survivor's lock covers all of its profiles.
    LockPeople({undone.survivor, undone.merged});
    undone = RequireUndoable(merge);
    RevertMerge(merge, undone);
    pg::Execute(
        "UPDATE pulse.merge_history SET undone_at = $2, undone_by = $3, undo_reason = $4 WHERE id = $1",
        {Value::Int8(merge), Value::Time(pg::Now()), Value::Text(actor), Value::Text(reason)});
    const std::vector<int64_t> consents = MoveConsents({undone.survivor, undone.merged});
    if (GetListener().unmerged) GetListener().unmerged(undone.survivor, undone.merged);
    if (!consents.empty()) AnnounceConsent(consents);
    AnnounceDetails({undone.survivor, undone.merged});
    return undone.merged;
}

}  // namespace pulse::profile
