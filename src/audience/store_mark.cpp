// Marking people: changes of membership, ids, attributes and consent cost a row each, and only while there
// are audiences.
#include "pulse/audience/store_mark.hpp"

#include <algorithm>

#include "pulse/audience/store_sync.hpp"
#include "pulse/base/error.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/probe.hpp"
#include "pulse/pg/relation_lock.hpp"
#include "pulse/pg/retention.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/profile/consent_listener.hpp"
#include "pulse/profile/details_listener.hpp"
#include "pulse/profile/listener.hpp"
#include "pulse/trait/store_consumer.hpp"
#include "pulse/trait/store_metric_reader.hpp"

namespace pulse::audience {

namespace {

using pg::Value;

// Maximum number of changes that are read in one transaction.
constexpr int64_t kMostChanges = 10'000;

// Whether there is any audience; kept until one is created or deleted.
bool AnyAudience() {
    static pg::Statement any("SELECT EXISTS (SELECT FROM pulse.audience)", {});
    static pg::Cached<bool> found("audience", [] { return any.Execute({}, true)[0].Bool(0); });
    return found.Get();
}

// Who must be looked at, and for which audiences: of people, since those over relations are compared whole.
// Read with the latest snapshot: a transaction whose own snapshot is older than an audience, than its
// resuming or than the row of a person in the ledger would find nothing there, and its change would be lost.
// Nobody can create or resume an audience behind its back: writers hold a lock that these wait for.
constexpr const char* kConcerned =
    "SELECT coalesce(array_agg(a.id), '{}'), coalesce(array_agg(w.id), '{}')"
    " FROM (SELECT u.id FROM unnest($1) AS u (id) UNION"
    " SELECT p.canonical_id FROM pulse.profile AS p WHERE p.id = ANY ($1)) AS w"
    " CROSS JOIN pulse.audience AS a WHERE (a.status = 'active' OR $2 AND a.status IN ('paused', 'stopped'))"
    " AND EXISTS (SELECT FROM pulse.audience_home AS h WHERE h.audience_id = a.id)"
    " AND (EXISTS (SELECT FROM pulse.audience_member AS m WHERE m.audience_id = a.id AND m.profile_id = w.id)"
    " OR a.status = 'active' AND EXISTS (SELECT FROM pulse.member AS s WHERE s.segment_id = a.segment_id"
    " AND s.profile_id = w.id))";

constexpr const char* kMark =
    "INSERT INTO pulse.audience_mark (audience_id, profile_id)"
    " SELECT u.audience_id, u.profile_id FROM unnest($1, $2) AS u (audience_id, profile_id)";

// `consent`: theirs has changed. It also concerns audiences that are paused or stopped: those who withdraw it
// leave them.
void Mark(const std::vector<int64_t>& people, bool consent) {
    static pg::Statement find(kConcerned, {INT8ARRAYOID, BOOLOID});
    static pg::Statement mark(kMark, {INT8ARRAYOID, INT8ARRAYOID});
    if (people.empty()) return;
    const trait::ForceIndexPlans force_index_plans;
    std::vector<int64_t> audiences, concerned;
    {
        const pg::LatestSnapshot latest;
        const pg::Result found = find.Execute({Value::Int8s(people), Value::Bool(consent)}, true);
        audiences = found[0].Int8s(0);
        concerned = found[0].Int8s(1);
    }
    if (audiences.empty()) return;
    mark.Execute({Value::Int8s(audiences), Value::Int8s(concerned)});
    WakeForChanges();
}

void ConsentChanged(const std::vector<int64_t>& people) {
    // Who creates an audience waits for us, or we see it.
    pg::LockTable("audience", pg::TableLock::kShared);
    if (AnyAudience()) Mark(people, true);
}

// An audience that is synchronised by hand, or cannot be, must not collect marks without end: beyond this
// number the next sync compares everybody instead, and needs none that was there before it.
constexpr int64_t kMostMarks = 1'000'000;

// Not those of an audience whose sync is under way: it relies on those that come meanwhile. One statement, so
// that what is deleted was committed before any sync that begins now evaluates. Nor those of an audience that
// is paused or stopped: they say who has withdrawn consent. Marks of audiences that are gone were written by
// transactions that still saw them. Many at once: each batch walks over the dead entries
// of those before it.
int64_t TrimMarks(Moment, int64_t) {
    static pg::Statement trim(
        "WITH RECURSIVE marked AS ((SELECT m.audience_id AS id FROM pulse.audience_mark AS m"
        " ORDER BY m.audience_id LIMIT 1) UNION ALL SELECT (SELECT m.audience_id FROM pulse.audience_mark AS m"
        " WHERE m.audience_id > k.id ORDER BY m.audience_id LIMIT 1) FROM marked AS k WHERE k.id IS NOT NULL),"
        " full_ones AS MATERIALIZED (SELECT k.id FROM marked AS k LEFT JOIN pulse.audience AS a ON a.id = k.id"
        " WHERE k.id IS NOT NULL AND (a.last_full_at IS NULL AND coalesce(a.status, '') NOT IN ('paused', 'stopped') OR (SELECT count(*) FROM (SELECT FROM pulse.audience_mark AS m"
        " WHERE m.audience_id = k.id LIMIT $1 + 1) AS n) > $1) AND NOT EXISTS (SELECT FROM pulse.sync_run AS r"
        " WHERE r.audience_id = k.id AND r.operation <> 'erase'"
        " AND r.status IN ('pending', 'processing', 'held'))),"
        " compared AS (UPDATE pulse.audience AS a SET last_full_at = NULL,"
        " compare_because = 'More than a million changes wait.' FROM full_ones AS f"
        " WHERE a.id = f.id AND a.last_full_at IS NOT NULL),"
        " gone AS (DELETE FROM pulse.audience_mark AS m USING full_ones AS f CROSS JOIN LATERAL"
        " (SELECT n.profile_id, n.id FROM pulse.audience_mark AS n WHERE n.audience_id = f.id"
        " ORDER BY n.profile_id, n.id LIMIT $1) AS o WHERE m.audience_id = f.id"
        " AND m.profile_id = o.profile_id AND m.id = o.id RETURNING 1) SELECT count(*) FROM gone",
        {INT8OID});
    const trait::ForceIndexPlans force_index_plans;
    return trim.Execute({Value::Int8(kMostMarks)})[0].Int8(0);
}

[[maybe_unused]] const bool retention_registered =
    pg::RegisterRetention({{.order = 171, .what = "marks of audiences", .work = TrimMarks}});

[[maybe_unused]] const bool listening =
    profile::ListenToDetails({AnyAudience, MarkPeople}) && profile::ListenToConsent(ConsentChanged);

}  // namespace

void MarkPeople(const std::vector<int64_t>& profiles) {
    Mark(profiles, false);
}

void MarkSentPeople(const std::vector<int64_t>& profiles) {
    static pg::Statement find(
        "SELECT coalesce(array_agg(m.audience_id), '{}'), coalesce(array_agg(m.profile_id), '{}')"
        " FROM pulse.audience_member AS m WHERE m.profile_id = ANY ($1)",
        {INT8ARRAYOID});
    static pg::Statement mark(kMark, {INT8ARRAYOID, INT8ARRAYOID});
    if (profiles.empty() || !AnyAudience()) return;
    const trait::ForceIndexPlans force_index_plans;
    std::vector<int64_t> audiences, people;
    {
        const pg::LatestSnapshot latest;
        const pg::Result found = find.Execute({Value::Int8s(profiles)}, true);
        audiences = found[0].Int8s(0);
        people = found[0].Int8s(1);
    }
    if (!audiences.empty()) mark.Execute({Value::Int8s(audiences), Value::Int8s(people)});
}

std::vector<int64_t> TakeMarks(int64_t audience, int64_t most) {
    static pg::Statement statement(
        "WITH taken AS (DELETE FROM pulse.audience_mark AS m USING (SELECT audience_id, profile_id, id"
        " FROM pulse.audience_mark WHERE audience_id = $1 ORDER BY profile_id, id LIMIT $2) AS n"
        " WHERE m.audience_id = n.audience_id AND m.profile_id = n.profile_id AND m.id = n.id"
        " RETURNING m.profile_id) SELECT DISTINCT profile_id FROM taken ORDER BY profile_id",
        {INT8OID, INT8OID});
    const trait::ForceIndexPlans force_index_plans;
    const pg::Result rows = statement.Execute({Value::Int8(audience), Value::Int8(most)});
    std::vector<int64_t> people;
    for (uint64_t i = 0; i < rows.size(); ++i) people.push_back(rows[i].Int8(0));
    return people;
}

void DropMarks(int64_t audience, const std::vector<int64_t>& people) {
    static pg::Statement drop(
        "DELETE FROM pulse.audience_mark WHERE audience_id = $1 AND profile_id = ANY ($2)",
        {INT8OID, INT8ARRAYOID});
    const trait::ForceIndexPlans force_index_plans;
    drop.Execute({Value::Int8(audience), Value::Int8s(people)});
}

void KeepWritersOutOfMarks() {
    if (profile::GetListener().keep_writers_out) profile::GetListener().keep_writers_out();
    if (!pg::LockBusyTable("audience", pg::TableLock::kExclusive))
        throw UserError(sqlstate::kLockNotAvailable, "audiences cannot be changed now",
                        "A transaction that records consent has been open for longer than "
                        "pulse.lock_timeout.",
                        "Try again; pg_locks shows the sessions that hold a lock on pulse.audience.");
}

int64_t LastChangePosition() {
    const trait::ForceIndexPlans force_index_plans;
    return trait::LastPosition();
}

void NoteLostChanges() {
    static pg::Statement note(
        "UPDATE pulse.audience AS a SET last_full_at = NULL, \"position\" = l.lost, compare_because ="
        " 'Changes of membership since its last sync are deleted: pulse.membership_change_retention is shorter.'"
        " FROM (SELECT p.lost FROM pulse.change_position AS p) AS l WHERE a.\"position\" < l.lost"
        " AND a.status = 'active'",
        {});
    note.Execute({});
}

bool TakeMembershipChanges() {
    static pg::Statement first(
        "SELECT min(a.\"position\") FROM pulse.audience AS a WHERE a.status = 'active'"
        " AND EXISTS (SELECT FROM pulse.audience_home AS h WHERE h.audience_id = a.id)",
        {});
    static pg::Statement reach(
        "SELECT max(n.position) FROM (SELECT c.position FROM pulse.membership_change AS c"
        " WHERE c.position > $1 ORDER BY c.position LIMIT $2) AS n",
        {INT8OID, INT8OID});
    static pg::Statement mark(
        "INSERT INTO pulse.audience_mark (audience_id, profile_id)"
        " SELECT DISTINCT a.id, c.profile_id FROM pulse.membership_change AS c"
        " JOIN pulse.audience AS a ON a.segment_id = c.segment_id AND a.status = 'active'"
        " AND c.position > a.\"position\" WHERE c.position > $1 AND c.position <= $2"
        " AND EXISTS (SELECT FROM pulse.audience_home AS h WHERE h.audience_id = a.id)",
        {INT8OID, INT8OID});
    static pg::Statement move(
        "UPDATE pulse.audience SET \"position\" = $1 WHERE status = 'active' AND \"position\" < $1",
        {INT8OID});
    const trait::ForceIndexPlans force_index_plans;
    NoteLostChanges();
    const pg::Result known = first.Execute({});
    const auto position = known[0].Int8OrNull(0);
    if (!position) return true;
    const bool assigned = trait::AssignPositions(kMostChanges, false);
    const auto last = reach.Execute({Value::Int8(*position), Value::Int8(kMostChanges)})[0].Int8OrNull(0);
    if (last) {
        mark.Execute({Value::Int8(*position), Value::Int8(*last)});
        move.Execute({Value::Int8(*last)});
        return false;
    }
    return !assigned || !trait::HasUnassignedPositions();
}

void MarkEndedConsents(int64_t audience) {
    static pg::Statement mark(
        "INSERT INTO pulse.audience_mark (audience_id, profile_id)"
        " SELECT a.id, c.profile_id FROM pulse.audience AS a JOIN pulse.consent AS c"
        " ON c.expires_at > a.consent_as_of AND c.expires_at <= $2"
        " JOIN pulse.audience_member AS m ON m.audience_id = a.id AND m.profile_id = c.profile_id"
        " WHERE a.id = $1",
        {INT8OID, TIMESTAMPTZOID});
    // Without one that has ended the row stays as it is: those that follow changes are asked every few
    // seconds.
    static pg::Statement move(
        "UPDATE pulse.audience SET consent_as_of = $2 WHERE id = $1 AND EXISTS (SELECT FROM pulse.consent AS c"
        " WHERE c.expires_at > consent_as_of AND c.expires_at <= $2)",
        {INT8OID, TIMESTAMPTZOID});
    const trait::ForceIndexPlans force_index_plans;
    const Value now = Value::Time(pg::Now());
    mark.Execute({Value::Int8(audience), now});
    move.Execute({Value::Int8(audience), now});
}

}  // namespace pulse::audience
