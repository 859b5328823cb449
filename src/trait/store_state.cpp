#include "pulse/trait/store_state.hpp"

#include <algorithm>

#include "pulse/pg/append.hpp"
#include "pulse/pg/index_plans.hpp"
#include "pulse/pg/probe.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/profile/store_identity_resolution.hpp"
#include "pulse/profile/store_partition.hpp"
#include "pulse/trait/store_archive_wait.hpp"
#include "pulse/trait/store_consumer.hpp"
#include "pulse/trait/store_evaluate.hpp"
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
    std::vector<pg::AppendColumn> rows(5);
    for (size_t i = 0; i < writes.profiles.size(); ++i) {
        rows[0].values.push_back(Int64GetDatum(writes.profiles[i]));
        rows[1].values.push_back(TimestampTzGetDatum(writes.as_of[i]));
        rows[4].values.push_back(TimestampTzGetDatum(writes.next[i]));
        rows[4].nulls.push_back(writes.next[i] == pg::kHoldsForEver);
    }
    rows[2].values = writes.metrics;
    rows[3].values = writes.segments;
    std::vector<int64_t> profiles;
    std::vector<Moment> as_of, next;
    std::vector<Datum> metrics, segments;
    for (const size_t i : pg::Replace("profile_state", "profile_state_pkey", rows)) {
        profiles.push_back(writes.profiles[i]);
        as_of.push_back(writes.as_of[i]);
        metrics.push_back(writes.metrics[i]);
        segments.push_back(writes.segments[i]);
        next.push_back(writes.next[i]);
    }
    if (profiles.empty()) return;
    statement.Execute({Value::Int8s(profiles), pg::TimeArray(as_of), pg::JsonbArray(metrics),
                       pg::JsonbArray(segments), pg::TimeArray(next)});
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

std::vector<Datum> KeysOf(const std::vector<int64_t>& ids) {
    std::vector<Datum> keys;
    keys.reserve(ids.size());
    for (const int64_t id : ids) keys.push_back(Int64GetDatum(id));
    return keys;
}

// The columns of pulse.profile that ReadStates() reads.
enum : size_t { kAttributes, kAccount, kFirstSeen, kProfileWidth };

std::vector<int64_t> LockAvailable(const std::vector<int64_t>& ids) {
    static pg::Statement skipping(
        "SELECT id FROM pulse.profile WHERE id = ANY ($1) AND canonical_id = id ORDER BY id FOR NO KEY"
        " UPDATE SKIP LOCKED",
        {INT8ARRAYOID});
    const pg::IndexPlans by_index;
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
    constexpr uint32_t kMostPages = 16;
    return pg::IsEmpty("dirty", kMostPages);
}

namespace {

// Whose evaluation failed lately, ascending; usually nobody's.
std::vector<int64_t> UnsettledOf(const std::vector<int64_t>& ids) {
    static const pg::Probe probe("unsettled_person", "unsettled_person_pkey", {1});
    std::vector<int64_t> unsettled;
    if (pg::IsEmpty("unsettled_person", 0)) return unsettled;
    for (const std::optional<int64_t>& id : probe.FindInt8s(KeysOf(ids)))
        if (id) unsettled.push_back(*id);
    return unsettled;
}

// The attributes of the accounts of people, in their order; null: none.
std::vector<Value> AccountsOf(const std::vector<Value>& profiles) {
    static const pg::Probe probe("account", "account_pkey", {3});
    std::vector<Datum> keys;
    for (size_t i = 0; i < profiles.size(); i += kProfileWidth)
        if (const Value& account = profiles[i + kAccount]; !account.null) keys.push_back(account.datum);
    const std::vector<Value> found = keys.empty() ? std::vector<Value>() : probe.FindRows(keys);
    std::vector<Value> accounts;
    size_t next = 0;
    for (size_t i = 0; i < profiles.size(); i += kProfileWidth)
        accounts.push_back(profiles[i + kAccount].null ? Value::Null(JSONBOID) : found[next++]);
    return accounts;
}

}  // namespace

std::vector<PersonState> ReadStates(const std::vector<int64_t>& ids) {
    static const pg::Probe people("profile", "profile_pkey", {4, 5, 6});
    static const pg::Probe states("profile_state", "profile_state_pkey", {2, 5, 3, 4});
    constexpr size_t kStateWidth = 4;
    std::vector<PersonState> read;
    if (ids.empty()) return read;
    const std::vector<Value> profiles = people.FindRows(KeysOf(ids)), rows = states.FindRows(KeysOf(ids));
    const std::vector<Value> accounts = AccountsOf(profiles);
    const std::vector<int64_t> unsettled = UnsettledOf(ids);
    read.reserve(ids.size());
    for (size_t i = 0; i < ids.size(); ++i) {
        const Value *profile = &profiles[i * kProfileWidth], *row = &rows[i * kStateWidth];
        if (profile[kFirstSeen].null) continue;
        PersonState state;
        state.profile = ids[i];
        state.attributes = profile[kAttributes];
        state.account = accounts[i].null ? pg::Value::EmptyJsonb() : accounts[i];
        state.first_seen_at = DatumGetTimestampTz(profile[kFirstSeen].datum);
        state.unsettled = std::binary_search(unsettled.begin(), unsettled.end(), ids[i]);
        if (!row[0].null) {
            state.as_of = DatumGetTimestampTz(row[0].datum);
            if (!row[1].null) state.next_change_at = DatumGetTimestampTz(row[1].datum);
            state.metrics = pg::ReadTimed(row[2].datum);
            state.segments = pg::ReadTimed(row[3].datum);
        }
        read.push_back(std::move(state));
    }
    return read;
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
