#include "pulse/trait/store_state.hpp"

#include <algorithm>

#include "pulse/pg/settings.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/profile/store_identity_resolution.hpp"
#include "pulse/profile/store_partition.hpp"
#include "pulse/trait/store_archive_wait.hpp"
#include "pulse/trait/store_consumer.hpp"
#include "pulse/trait/store_unsettled.hpp"
#include "pulse/trait/store_update_state.hpp"

namespace pulse::trait {

namespace {

using pg::Value;

void AddChange(StateWrites::MembershipChanges& changes, const Evaluation& evaluation,
               const SegmentVersion& version, bool member) {
    changes.segments.push_back(version.segment);
    changes.profiles.push_back(evaluation.profile);
    changes.versions.push_back(version.number);
    changes.at.push_back(evaluation.at);
    changes.change.push_back(member ? "entered" : "exited");
    changes.cause.push_back(evaluation.cause);
    changes.quiet.push_back(evaluation.quiet);
}

void WriteProfileStates(const StateWrites& writes) {
    static pg::Statement statement(
        "INSERT INTO pulse.profile_state AS s (profile_id, as_of, metrics, segments, next_change_at)"
        " SELECT * FROM unnest($1::bigint[], $2::timestamptz[], $3::jsonb[], $4::jsonb[], $5::timestamptz[])"
        " ON CONFLICT (profile_id) DO UPDATE SET as_of = EXCLUDED.as_of, metrics = EXCLUDED.metrics,"
        " segments = EXCLUDED.segments, next_change_at = EXCLUDED.next_change_at",
        {INT8ARRAYOID, TIMESTAMPTZARRAYOID, JSONBARRAYOID, JSONBARRAYOID, TIMESTAMPTZARRAYOID});
    statement.Execute({Value::Int8s(writes.profiles), pg::TimeArray(writes.as_of),
                       pg::JsonbArray(writes.metrics), pg::JsonbArray(writes.segments),
                       pg::TimeArray(writes.next)});
}

void WriteMembershipChanges(const StateWrites::MembershipChanges& changes) {
    static pg::Statement enter(
        "INSERT INTO pulse.member (segment_id, profile_id, since) SELECT c.segment, c.profile, c.at"
        " FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[], $4::text[]) AS c (segment, profile,"
        " at, change)"
        " WHERE c.change = 'entered' ON CONFLICT DO NOTHING",
        {INT8ARRAYOID, INT8ARRAYOID, TIMESTAMPTZARRAYOID, TEXTARRAYOID});
    static pg::Statement leave(
        "DELETE FROM pulse.member AS m USING unnest($1::bigint[], $2::bigint[], $3::text[]) AS c (segment,"
        " profile, change)"
        " WHERE c.change = 'exited' AND m.segment_id = c.segment AND m.profile_id = c.profile",
        {INT8ARRAYOID, INT8ARRAYOID, TEXTARRAYOID});
    static pg::Statement note(
        "INSERT INTO pulse.membership_change (segment_id, profile_id, change, at, version, cause, quiet)"
        " SELECT c.segment, c.profile, c.change, c.at, c.version, c.cause, c.quiet"
        " FROM unnest($1::bigint[], $2::bigint[], $3::text[],"
        " $4::timestamptz[], $5::bigint[], $6::text[], $7::boolean[]) AS c (segment, profile, change, at,"
        " version, cause, quiet)",
        {INT8ARRAYOID, INT8ARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID, INT8ARRAYOID, TEXTARRAYOID,
         BOOLARRAYOID});
    const Value segments = Value::Int8s(changes.segments), profiles = Value::Int8s(changes.profiles),
                at = pg::TimeArray(changes.at), change = Value::Texts(changes.change);
    if (std::find(changes.change.begin(), changes.change.end(), "entered") != changes.change.end())
        enter.Execute({segments, profiles, at, change});
    if (std::find(changes.change.begin(), changes.change.end(), "exited") != changes.change.end()) {
        const ForceIndexPlans force_index_plans;
        leave.Execute({segments, profiles, change});
    }
    profile::EnsurePartitions("membership_change", changes.at);
    note.Execute({segments, profiles, change, at, Value::Int8s(changes.versions), Value::Texts(changes.cause),
                  pg::BoolArray(changes.quiet)});
    if (std::find(changes.quiet.begin(), changes.quiet.end(), false) != changes.quiet.end())
        NotifySubscriptions();
}

void WriteNextMembers(const StateWrites& writes) {
    static pg::Statement enter(
        "INSERT INTO pulse.next_member (version_id, profile_id) SELECT *"
        " FROM unnest($1::bigint[], $2::bigint[]) ON CONFLICT DO NOTHING",
        {INT8ARRAYOID, INT8ARRAYOID});
    static pg::Statement leave(
        "DELETE FROM pulse.next_member AS m USING unnest($1::bigint[], $2::bigint[]) AS c (version, profile)"
        " WHERE m.version_id = c.version AND m.profile_id = c.profile",
        {INT8ARRAYOID, INT8ARRAYOID});
    if (!writes.next_in_version.empty())
        enter.Execute({Value::Int8s(writes.next_in_version), Value::Int8s(writes.next_in_profile)});
    if (!writes.next_out_version.empty())
        leave.Execute({Value::Int8s(writes.next_out_version), Value::Int8s(writes.next_out_profile)});
}

std::vector<int64_t> LockAvailable(const std::vector<int64_t>& ids) {
    static pg::Statement skipping(
        "SELECT id FROM pulse.profile WHERE id = ANY ($1) AND canonical_id = id ORDER BY id FOR NO KEY"
        " UPDATE SKIP LOCKED",
        {INT8ARRAYOID});
    const ForceIndexPlans force_index_plans;
    const pg::Result rows = skipping.Execute({Value::Int8s(ids)});
    std::vector<int64_t> locked;
    locked.reserve(rows.size());
    for (uint64_t i = 0; i < rows.size(); ++i) locked.push_back(rows[i].Int8(0));
    return locked;
}

}  // namespace

void StateWrites::Add(Evaluation evaluation) {
    profiles.push_back(evaluation.profile);
    as_of.push_back(evaluation.at);
    next.push_back(evaluation.next_change_at);
    metrics.push_back(pg::WriteTimed(evaluation.metrics));
    segments.push_back(pg::WriteTimed(evaluation.segments));
    for (const Evaluation::MembershipChange& change : evaluation.changes) {
        if (change.version->live) {
            AddChange(live, evaluation, *change.version, change.member);
        } else {
            (change.member ? next_in_version : next_out_version).push_back(change.version->id);
            (change.member ? next_in_profile : next_out_profile).push_back(evaluation.profile);
        }
    }
}

std::vector<int64_t> LockProfiles(const std::vector<int64_t>& ids, bool wait) {
    if (!wait) return LockAvailable(ids);
    for (bool patient = false;; patient = true) {
        pg::CheckInterrupts();
        const std::vector<int64_t> there = FilterCanonical(ids);
        pg::Subtransaction subtransaction;
        std::vector<int64_t> locked;
        {
            const pg::Session session;
            locked = patient ? profile::LockPeople(there) : LockAvailable(there);
        }
        // Otherwise a person is locked by others, or was merged meanwhile. Keeping these locks while waiting
        // for more could deadlock.
        if (locked.size() != there.size()) continue;
        subtransaction.Commit();
        return locked;
    }
}

std::vector<int64_t> FilterCanonical(const std::vector<int64_t>& ids) {
    static pg::Statement statement(
        "SELECT id FROM pulse.profile WHERE id = ANY ($1) AND canonical_id = id ORDER BY id", {INT8ARRAYOID});
    std::vector<int64_t> there;
    if (ids.empty()) return there;
    const pg::Result rows = statement.Execute({Value::Int8s(ids)});
    for (uint64_t i = 0; i < rows.size(); ++i) there.push_back(rows[i].Int8(0));
    return there;
}

bool QueueIsEmpty() {
    // Checking a long queue, or its dead rows before vacuum, costs more than assuming that it is not empty.
    static pg::Statement statement(
        "SELECT CASE WHEN pg_relation_size('pulse.dirty') <= 16 * current_setting('block_size')::int THEN"
        " NOT EXISTS (SELECT FROM pulse.dirty) ELSE false END",
        {});
    return statement.Execute({})[0].Bool(0);
}

std::vector<PersonState> ReadStates(const std::vector<int64_t>& ids) {
    static pg::Statement statement(
        "SELECT p.id, p.attributes, coalesce(a.attributes, '{}'), s.as_of, s.next_change_at, s.metrics,"
        " s.segments, p.first_seen_at, u.profile_id IS NOT NULL"
        " FROM pulse.profile AS p LEFT JOIN pulse.account AS a ON a.id = p.account_id"
        " LEFT JOIN pulse.profile_state AS s ON s.profile_id = p.id"
        " LEFT JOIN pulse.unsettled_person AS u ON u.profile_id = p.id WHERE p.id = ANY ($1) ORDER BY p.id",
        {INT8ARRAYOID});
    std::vector<PersonState> people;
    if (ids.empty()) return people;
    const ForceIndexPlans force_index_plans;
    const pg::Result rows = statement.Execute({Value::Int8s(ids)});
    people.reserve(rows.size());
    for (uint64_t i = 0; i < rows.size(); ++i) {
        const pg::Row row = rows[i];
        PersonState state;
        state.profile = row.Int8(0);
        state.attributes = pg::Copy({JSONBOID, row.Raw(1), false});
        state.account = pg::Copy({JSONBOID, row.Raw(2), false});
        state.first_seen_at = row.Time(7);
        state.unsettled = row.Bool(8);
        state.as_of = row.TimeOrNull(3);
        state.next_change_at = row.TimeOrNull(4);
        if (state.as_of) {
            state.metrics = pg::ReadTimed(pg::Copy({JSONBOID, row.Raw(5), false}).datum);
            state.segments = pg::ReadTimed(pg::Copy({JSONBOID, row.Raw(6), false}).datum);
        }
        people.push_back(std::move(state));
    }
    return people;
}

void WriteAll(const StateWrites& writes) {
    if (writes.profiles.empty()) return;
    WriteProfileStates(writes);
    if (!writes.live.segments.empty()) WriteMembershipChanges(writes.live);
    WriteNextMembers(writes);
}

void RemoveMergedProfile(int64_t profile, const std::string& cause) {
    static pg::Statement end(
        "WITH gone AS (DELETE FROM pulse.member WHERE profile_id = $1 RETURNING segment_id)"
        " INSERT INTO pulse.membership_change (segment_id, profile_id, change, at, version, cause, quiet)"
        " SELECT g.segment_id, $1, 'exited', $2, l.version, $3, false FROM gone AS g"
        " JOIN pulse.live_segment AS l ON l.segment_id = g.segment_id AND l.status = 'live'"
        " ORDER BY g.segment_id",
        {INT8OID, TIMESTAMPTZOID, TEXTOID});
    static pg::Statement next("DELETE FROM pulse.next_member WHERE profile_id = $1", {INT8OID});
    static pg::Statement state("DELETE FROM pulse.profile_state WHERE profile_id = $1", {INT8OID});
    static pg::Statement any("SELECT EXISTS (SELECT FROM pulse.member WHERE profile_id = $1)", {INT8OID});
    const ForceIndexPlans force_index_plans;
    if (any.Execute({Value::Int8(profile)})[0].Bool(0)) {
        const Moment now = pg::Now();
        profile::EnsurePartitions("membership_change", now, now);
        end.Execute({Value::Int8(profile), Value::Time(now), Value::Text(cause)});
        NotifySubscriptions();
    }
    next.Execute({Value::Int8(profile)});
    state.Execute({Value::Int8(profile)});
    ForgetUnsettled({profile});
    ForgetArchiveWaits({profile});
}

const pg::Timed* FindById(const std::vector<pg::Timed>& list, int64_t number) {
    const auto found =
        std::lower_bound(list.begin(), list.end(), number,
                         [](const pg::Timed& timed, int64_t wanted) { return timed.number < wanted; });
    return found != list.end() && found->number == number ? &*found : nullptr;
}

bool IsEmptyValue(const StoredMetric& metric, const MetricValue& measured) {
    if (measured.until != pg::kHoldsForEver || measured.value.null != metric.empty.null) return false;
    if (measured.value.null) return true;
    switch (metric.type) {
        case BOOLOID: return DatumGetBool(measured.value.datum) == DatumGetBool(metric.empty.datum);
        case NUMERICOID: return pg::EqualNumbers(measured.value.datum, metric.empty.datum);
        default: return false;
    }
}

}  // namespace pulse::trait
