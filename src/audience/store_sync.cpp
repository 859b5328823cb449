// Queueing, cancelling and scheduling syncs.
#include "pulse/audience/store_sync.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "pulse/audience/store_mark.hpp"
#include "pulse/audit/store.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/trait/store_consumer.hpp"
#include "pulse/trait/store_metric_reader.hpp"
#include "pulse/trust/action_kind.hpp"

namespace pulse::audience {

namespace {

using pg::Value;

constexpr const char* kObjectInUse = "55006";
std::optional<int64_t> ActiveRun(int64_t audience) {
    const pg::Result rows = pg::Execute(
        "SELECT id FROM pulse.sync_run WHERE audience_id = $1 AND status IN ('pending', 'processing', 'held')"
        " AND operation <> 'erase'",
        {Value::Int8(audience)});
    return rows.empty() ? std::nullopt : std::optional(rows[0].Int8(0));
}

int64_t InsertRun(const Audience& audience, const std::string& operation, const char* triggered_by) {
    // After a run that failed, an erasure does not wait for its turn.
    const pg::Result rows = pg::Execute(
        "INSERT INTO pulse.sync_run (audience_id, audience, operation, triggered_by, requested_by,"
        " created_at, not_before, because) VALUES ($1, $2, $3, $4, $5, $6, $6, CASE WHEN $3 IN ('full', 'replace')"
        " THEN (SELECT a.compare_because FROM pulse.audience AS a WHERE a.id = $1) END)"
        " ON CONFLICT DO NOTHING RETURNING id",
        {Value::Int8(audience.id), Value::Text(audience.name), Value::Text(operation),
         Value::Text(triggered_by), Value::Text(pg::OriginalCaller()), Value::Time(pg::Now())});
    return rows.empty() ? 0 : rows[0].Int8(0);
}

bool FullIsDue(const Audience& audience, Moment now) {
    return !audience.of_people || !audience.last_full_at ||
           *audience.last_full_at + audience.full_every <= now;
}

// What a sync that is due does.
const char* DueOperation(const Audience& audience, Moment now) {
    if (audience.parted) return "replace";
    return FullIsDue(audience, now) ? "full" : "delta";
}

[[noreturn]] void ThrowUnknownRun(int64_t run) {
    throw UserError(sqlstate::kUndefinedObject, "sync " + std::to_string(run) + " does not exist", "",
                    "pulse.sync_run lists the syncs.");
}

// Changes that no sync has looked at yet.
bool HasMarks(int64_t audience) {
    static pg::Statement any(
        "SELECT EXISTS (SELECT FROM pulse.audience_mark WHERE audience_id = $1)"
        " OR EXISTS (SELECT FROM pulse.audience_member WHERE audience_id = $1"
        " AND state IN ('adding', 'removing')) OR EXISTS (SELECT FROM pulse.audience_removal"
        " WHERE audience_id = $1)",
        {INT8OID});
    const trait::ForceIndexPlans force_index_plans;
    return any.Execute({Value::Int8(audience)})[0].Bool(0);
}

// Also of an audience whose destination cannot be used.
std::vector<std::string> PurposesOf(const Audience& audience) {
    try {
        return RequiredPurposes(audience, DestinationOf(audience));
    } catch (const UserError&) {
        return audience.purposes;
    }
}

constexpr int64_t kPausedCheckEvery = kHour;

// Who withdraws consent leaves an audience that is paused or stopped all the same, within the hour.
void LetWithdrawnLeavePaused(Moment now) {
    constexpr int64_t kAtOnce = 5'000;
    const std::vector<Audience> paused = LoadAudiences(
        "a.status IN ('paused', 'stopped') AND a.check_at <= $1"
        " AND EXISTS (SELECT FROM pulse.audience_home AS h WHERE h.audience_id = a.id)",
        {Value::Time(now)});
    for (const Audience& audience : paused) {
        pg::Execute("UPDATE pulse.audience SET check_at = $2 WHERE id = $1",
                    {Value::Int8(audience.id), Value::Time(now + kPausedCheckEvery)});
        MarkEndedConsents(audience.id);
        const std::vector<std::string> purposes = PurposesOf(audience);
        QueueRemovedWithdrawn(audience.id, purposes);
        for (;;) {
            pg::CheckInterrupts();
            const std::vector<int64_t> people = TakeMarks(audience.id, kAtOnce);
            if (people.empty()) break;
            QueueWithdrawnOf(audience.id, purposes, people);
        }
    }
}

}  // namespace

bool FollowsChanges() {
    static pg::Statement any(
        "SELECT EXISTS (SELECT FROM pulse.audience AS a JOIN pulse.audience_home AS h ON h.audience_id = a.id"
        " WHERE a.on_change AND a.status = 'active')",
        {});
    return any.Execute({})[0].Bool(0);
}

void WakeSyncs() {
    pg::WakeWorker(kAudiencesJob);
}

void WakeForChanges() {
    if (FollowsChanges()) WakeSyncs();
}

void ThrowUnderWay(const Audience& audience) {
    const int64_t run = ActiveRun(audience.id).value_or(0);
    throw UserError(kObjectInUse, "a sync of audience \"" + audience.name + "\" is under way",
                    "It is sync " + std::to_string(run) + ".",
                    "Wait for its end, or cancel it: SELECT pulse_cancel_sync(" + std::to_string(run) + ").");
}

int64_t QueueRun(const Audience& audience, const std::string& operation, const char* triggered_by) {
    const int64_t run = InsertRun(audience, operation, triggered_by);
    if (run == 0) ThrowUnderWay(audience);
    WakeSyncs();
    return run;
}

int64_t RequestSync(const std::string& name, const std::string& operation, const char* triggered_by) {
    static const std::vector<std::string> valid = {"auto", "delta", "full", "replace"};
    if (std::find(valid.begin(), valid.end(), operation) == valid.end())
        ThrowInvalid("unknown operation \"" + operation.substr(0, 100) + "\"", "",
                     SuggestName(operation.substr(0, 100), valid, "Operations"));
    NoteLostChanges();
    const Audience audience = LoadAudience(name);
    if (audience.status != "active" || !audience.at_home)
        throw UserError(
            sqlstate::kNotReady, "audience \"" + name + "\" is not synchronised",
            audience.status == "active" ? "It was restored from a dump." : "It is " + audience.status + ".",
            audience.status == "deleting" ? "" : "Resume it: SELECT pulse_resume_audience(name).");
    std::string chosen = operation;
    if (chosen == "auto" || chosen == "delta") chosen = DueOperation(audience, pg::Now());
    const int64_t run = QueueRun(audience, chosen, triggered_by);
    audit::Write("audience.sync_requested", name, {{"run", run}, {"operation", chosen}});
    return run;
}

void CancelSync(int64_t run) {
    const pg::Result rows = pg::Execute(
        "SELECT audience, status FROM pulse.sync_run WHERE id = $1 FOR UPDATE", {Value::Int8(run)});
    if (rows.empty()) ThrowUnknownRun(run);
    const std::string status = rows[0].Text(1);
    if (status == "processing")
        pg::Execute("UPDATE pulse.sync_run SET cancel_requested = true WHERE id = $1", {Value::Int8(run)});
    else if (status == "pending" || status == "held")
        EndRun(run, "cancelled", "cancelled by " + pg::ActorName(pg::OriginalCaller()));
    else
        throw UserError(sqlstate::kNotReady, "sync " + std::to_string(run) + " has ended",
                        "It is " + status + ".", "pulse_sync_audience() begins another one.");
    audit::Write("audience.sync_cancelled", rows[0].Text(0), {{"run", run}});
    WakeSyncs();
}

void ContinueHeld(int64_t run, int64_t action) {
    const pg::Result rows = pg::Execute(
        "UPDATE pulse.sync_run AS r SET status = 'pending', approved_by = c.approved_by, held_by = NULL,"
        " held_at = NULL, not_before = $3 FROM pulse.action AS c WHERE r.id = $1 AND c.id = $2"
        " AND r.action_id = $2 AND r.status = 'held' AND r.held_by = 'share' RETURNING r.audience, r.held_reason, r.audience_id",
        {Value::Int8(run), Value::Int8(action), Value::Time(pg::Now())});
    if (rows.empty())
        throw UserError(sqlstate::kNotReady, "sync " + std::to_string(run) + " does not wait for approval");
    // What is approved is no reason to hold the next one.
    pg::Execute("UPDATE pulse.audience SET share_at = NULL WHERE id = $1", {Value::Int8(rows[0].Int8(2))});
    audit::Write("audience.sync_approved", rows[0].Text(0),
                 {{"run", run}, {"action", action}, {"reason", rows[0].TextOrNull(1).value_or("")}});
    WakeSyncs();
}

void EndHeld(int64_t run, int64_t action, const std::string& why) {
    const bool waits =
        !pg::Execute(
             "SELECT FROM pulse.sync_run WHERE id = $1 AND status = 'held' AND held_by = 'share'"
             " AND action_id = $2 FOR UPDATE",
             {Value::Int8(run), Value::Int8(action)})
             .empty();
    if (!waits) return;
    EndRun(run, "cancelled", why);
    WakeSyncs();
}

void AskAnew(int64_t audience, const std::string& why) {
    const pg::Result rows = pg::Execute(
        "UPDATE pulse.sync_run AS r SET action_id = NULL, not_before = $2 FROM (SELECT h.id, h.action_id"
        " FROM pulse.sync_run AS h WHERE h.audience_id = $1 AND h.status = 'held' AND h.held_by = 'share'"
        " AND h.action_id IS NOT NULL FOR UPDATE) AS o WHERE r.id = o.id RETURNING o.action_id",
        {Value::Int8(audience), Value::Time(pg::Now())});
    for (uint64_t i = 0; i < rows.size(); ++i) trust::EndProposed(rows[i].Int8(0), why);
}

void RetrySync(int64_t run) {
    const pg::Result rows =
        pg::Execute("SELECT status, held_by, held_reason FROM pulse.sync_run WHERE id = $1 FOR UPDATE",
                    {Value::Int8(run)});
    if (rows.empty()) ThrowUnknownRun(run);
    const std::string status = rows[0].Text(0);
    if (status == "held" && rows[0].TextOrNull(1) == "share")
        throw UserError(sqlstate::kNotReady, "sync " + std::to_string(run) + " waits for approval",
                        rows[0].TextOrNull(2).value_or(""), "pulse_dismiss_action() ends it.");
    if (status != "pending" && status != "processing" && status != "held")
        throw UserError(sqlstate::kNotReady, "sync " + std::to_string(run) + " has ended",
                        "It is " + status + ".", "pulse_sync_audience() begins another one.");
    pg::Execute("UPDATE pulse.sync_run SET not_before = $2 WHERE id = $1",
                {Value::Int8(run), Value::Time(pg::Now())});
    WakeSyncs();
}

void CancelRuns(int64_t audience, const std::string& why) {
    const pg::Result rows = pg::Execute(
        "UPDATE pulse.sync_run SET cancel_requested = status = 'processing',"
        " status = CASE WHEN status = 'processing' THEN status ELSE 'cancelled' END,"
        " finished_at = CASE WHEN status = 'processing' THEN finished_at ELSE clock_timestamp() END,"
        " error = coalesce(error, $2) WHERE audience_id = $1 AND operation <> 'erase'"
        " AND status IN ('pending', 'processing', 'held') RETURNING id",
        {Value::Int8(audience), Value::Text(why)});
    for (uint64_t i = 0; i < rows.size(); ++i) EndApproval(rows[i].Int8(0));
}

void QueueDueRuns() {
    const Moment now = pg::Now();
    for (int i = 0; i < 100 && !TakeMembershipChanges(); ++i) pg::CheckInterrupts();
    LetWithdrawnLeavePaused(now);
    const std::vector<Audience> due = LoadAudiences(
        "a.status = 'active' AND EXISTS (SELECT FROM pulse.audience_home AS h WHERE h.audience_id = a.id)"
        " AND (a.on_change OR a.next_sync_at <= $1) AND NOT EXISTS (SELECT FROM pulse.sync_run AS r WHERE r.audience_id = a.id"
        " AND r.status IN ('pending', 'processing', 'held') AND r.operation <> 'erase')",
        {Value::Time(now)});
    for (const Audience& audience : due) {
        const std::string operation = DueOperation(audience, now);
        if (!audience.every && audience.on_change) {
            // After a failure it waits, too.
            const pg::Result next = pg::Execute("SELECT next_sync_at > $2 FROM pulse.audience WHERE id = $1",
                                                {Value::Int8(audience.id), Value::Time(now)});
            if (!next[0].IsNull(0) && next[0].Bool(0)) continue;
            MarkEndedConsents(audience.id);
            if (!HasMarks(audience.id) && !(audience.of_people && operation != "delta")) continue;
        }
        InsertRun(audience, operation, audience.on_change ? "change" : "schedule");
    }
    // Erased people, and those whose consent has ended behind a sync that is held, leave whatever the state
    // of the audience is.
    const std::vector<Audience> erased = LoadAudiences(
        "EXISTS (SELECT FROM pulse.audience_removal AS d WHERE d.audience_id = a.id AND d.cause IN ('erased', 'withdrawn'))"
        " AND EXISTS (SELECT FROM pulse.audience_home AS h WHERE h.audience_id = a.id)"
        " AND a.status NOT IN ('stale', 'deleting') AND NOT EXISTS (SELECT FROM pulse.sync_run AS r"
        " WHERE r.audience_id = a.id AND r.status IN ('pending', 'processing', 'held')"
        " AND (r.operation = 'erase' OR r.status = 'processing'))"
        " AND NOT EXISTS (SELECT FROM pulse.sync_run AS r WHERE r.audience_id = a.id"
        " AND r.operation = 'erase' AND r.status = 'failed' AND r.finished_at > clock_timestamp() -"
        " interval '1 hour')",
        {});
    for (const Audience& audience : erased) InsertRun(audience, "erase", "erasure");
}

std::vector<int64_t> DueRuns() {
    static pg::Statement due(
        "SELECT r.id FROM pulse.sync_run AS r WHERE r.status IN ('pending', 'processing', 'held')"
        " AND r.not_before <= $1"
        // One at a time of an audience: first who is erased, unless the other one is at it.
        " AND NOT EXISTS (SELECT FROM pulse.sync_run AS o WHERE o.audience_id = r.audience_id AND o.id <> r.id"
        " AND o.status IN ('pending', 'processing', 'held') AND (o.status = 'processing' AND r.status <> 'processing'"
        " OR o.operation = 'erase' AND r.status <> 'processing' AND o.not_before <= $1))"
        " ORDER BY r.operation <> 'erase', r.id LIMIT 100",
        {TIMESTAMPTZOID});
    const pg::Result rows = due.Execute({Value::Time(pg::Now())});
    std::vector<int64_t> ids;
    for (uint64_t i = 0; i < rows.size(); ++i) ids.push_back(rows[i].Int8(0));
    return ids;
}

Moment NextSyncDue() {
    static pg::Statement next(
        "SELECT least((SELECT min(r.not_before) FROM pulse.sync_run AS r"
        " WHERE r.status IN ('pending', 'processing', 'held')),"
        " (SELECT min(b.check_at) FROM pulse.sync_batch AS b JOIN pulse.audience_home AS h"
        " ON h.audience_id = b.audience_id WHERE b.check_at IS NOT NULL),"
        " (SELECT min(a.next_sync_at) FROM pulse.audience AS a JOIN pulse.audience_home AS h"
        " ON h.audience_id = a.id WHERE a.status = 'active' AND NOT EXISTS (SELECT FROM pulse.sync_run AS r"
        " WHERE r.audience_id = a.id AND r.status IN ('pending', 'processing', 'held')"
        " AND r.operation <> 'erase')), (SELECT min(a.check_at) FROM pulse.audience AS a"
        " JOIN pulse.audience_home AS h ON h.audience_id = a.id WHERE a.status IN ('paused', 'stopped')),"
        // Of each audience the first: there can be millions.
        " (SELECT min(f.queued_at) FROM pulse.audience AS a JOIN pulse.audience_home AS h"
        " ON h.audience_id = a.id CROSS JOIN LATERAL (SELECT d.queued_at FROM pulse.audience_removal AS d"
        " WHERE d.audience_id = a.id AND d.cause IN ('erased', 'withdrawn') ORDER BY d.queued_at LIMIT 1) AS f"
        " WHERE a.status NOT IN ('stale', 'deleting')"
        " AND NOT EXISTS (SELECT FROM pulse.sync_run AS r WHERE r.audience_id = a.id"
        " AND r.operation = 'erase' AND (r.status IN ('pending', 'processing', 'held') OR r.status = 'failed'"
        " AND r.finished_at > clock_timestamp() - interval '1 hour')) AND NOT EXISTS (SELECT"
        " FROM pulse.sync_run AS r WHERE r.audience_id = a.id AND r.status = 'processing')))",
        {});
    const trait::ForceIndexPlans force_index_plans;
    return next.Execute({})[0].TimeOrNull(0).value_or(pg::kNever);
}

}  // namespace pulse::audience
