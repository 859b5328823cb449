// Snapshots that somebody asked for: the table of requests, and the job that takes them.
#include "pulse/snapshot/store_request.hpp"

#include "pulse/base/number.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/job_kind.hpp"
#include "pulse/pg/memory.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/pg/transaction.hpp"
#include "pulse/snapshot/listener.hpp"
#include "store_take_internal.hpp"

namespace pulse::snapshot {

namespace {

using pg::Value;

constexpr int kMostTries = 5;
constexpr int64_t kFirstPause = 10 * kSecond;  // after a try; four times as long after each further one

extern const pg::JobKind kRequestsJob;

// Ask again for what waits already: once more at once. A request that a worker is at is taken anew.
void Ask(int64_t segment, const std::string& actor, bool check_drift) {
    static pg::Statement statement(
        "INSERT INTO pulse.snapshot_request AS r (segment_id, requested_at, requested_by, check_drift, next_try_at)"
        " VALUES ($1, clock_timestamp(), $2, $3, clock_timestamp())"
        " ON CONFLICT (segment_id) DO UPDATE SET"
        " requested_at = CASE WHEN r.status = 'waiting' THEN r.requested_at ELSE excluded.requested_at END,"
        " requested_by = excluded.requested_by, status = 'waiting', tries = 0, next_try_at = excluded.next_try_at,"
        " check_drift = excluded.check_drift OR r.check_drift AND r.next_try_at IS NOT NULL,"
        " started_at = NULL, finished_at = NULL, snapshot_id = NULL, error = NULL",
        {INT8OID, TEXTOID, BOOLOID});
    statement.Execute({Value::Int8(segment), Value::Text(actor), Value::Bool(check_drift)});
}

std::optional<RequestState> ReadRequest(int64_t segment, const std::string& caller, bool read_only) {
    const pg::Result rows = pg::Execute(
        "SELECT r.status, r.requested_at, r.finished_at, r.snapshot_id,"
        " CASE WHEN has_column_privilege($2::text::name, 'pulse.snapshot_request', 'error', 'SELECT') THEN r.error END"
        " FROM pulse.snapshot_request AS r WHERE r.segment_id = $1",
        {Value::Int8(segment), Value::Text(caller)}, read_only);
    if (rows.empty()) return std::nullopt;
    const pg::Row row = rows[0];
    RequestState state{row.Text(0), row.Time(1), row.TimeOrNull(2), row.Int8OrNull(3), row.TextOrNull(4)};
    if (state.state != "waiting") return state;
    if (std::optional<std::string> why = pg::WhyNoWorker(kRequestsJob)) {
        state.state = "no_worker";
        state.detail = std::move(why);
    }
    return state;
}

// ---- the job ----

struct Requested {
    int64_t segment = 0;
    std::string name;
    bool check_drift = false;
    Moment started = 0;
};

// The request that has waited longest, marked as running. One that a transaction is just making again, or
// whose segment is just deleted, holds up no other.
std::optional<Requested> BeginOne() {
    static pg::Statement give_up(
        "UPDATE pulse.snapshot_request SET status = 'failed', next_try_at = NULL, finished_at = clock_timestamp(),"
        " error = 'the worker that took it ended before it did, several times'"
        " WHERE segment_id IN (SELECT n.segment_id FROM pulse.snapshot_request AS n WHERE n.next_try_at IS NOT NULL"
        " AND n.status = 'running' AND n.tries >= $1 FOR UPDATE SKIP LOCKED)",
        {INT4OID});
    give_up.Execute({Value::Int4(kMostTries)});
    static pg::Statement statement(
        "UPDATE pulse.snapshot_request AS r SET status = 'running', tries = r.tries + 1, started_at = clock_timestamp() FROM pulse.segment AS s"
        " WHERE s.id = r.segment_id AND r.segment_id = (SELECT n.segment_id FROM pulse.snapshot_request AS n"
        " WHERE n.next_try_at <= clock_timestamp() ORDER BY n.next_try_at LIMIT 1"
        " FOR UPDATE SKIP LOCKED) RETURNING r.segment_id, s.name, r.check_drift, r.started_at",
        {});
    const pg::Result rows = statement.Execute({});
    if (rows.empty()) return std::nullopt;
    return Requested{rows[0].Int8(0), rows[0].Text(1), rows[0].Bool(2), rows[0].Time(3)};
}

// Record how it ended, unless somebody has asked again since it began.
void EndOne(const Requested& request, const TakeResult& result) {
    static pg::Statement statement(
        "UPDATE pulse.snapshot_request AS r SET"
        " status = CASE WHEN $4 THEN $3 WHEN r.tries < $6 THEN 'waiting' ELSE 'failed' END,"
        " next_try_at = CASE WHEN NOT $4 AND r.tries < $6 THEN clock_timestamp() + $7 * 4 ^ (r.tries - 1) * interval '1 microsecond' END,"
        " finished_at = CASE WHEN $4 OR r.tries >= $6 THEN clock_timestamp() END, snapshot_id = $5, error = $8"
        " WHERE r.segment_id = $1 AND r.status = 'running' AND r.started_at = $2",
        {INT8OID, TIMESTAMPTZOID, TEXTOID, BOOLOID, INT8OID, INT4OID, FLOAT8OID, TEXTOID});
    statement.Execute({Value::Int8(request.segment), Value::Time(request.started), Value::Text(result.status),
                       Value::Bool(result.status != "skipped"), Value::Int8(result.snapshot),
                       Value::Int4(kMostTries), Value::Float8(static_cast<double>(kFirstPause)),
                       Value::Text(result.error)});
}

// Work on the table of requests, in a short transaction of its own or in the caller's.
void InTable(bool in_worker, const std::function<void()>& work) {
    std::optional<pg::Transaction> transaction;
    if (in_worker) transaction.emplace("pulse: looking at requests for snapshots");
    {
        const pg::OwnerSession session;
        work();
    }
    if (transaction) transaction->Commit();
}

// A segment that was archived since, for example, is the failure of its request alone.
TakeResult TakeRequested(const std::string& name, bool in_worker, SourceCircuitBreaker& breaker) {
    std::optional<segment::Segment> found;
    Moment moment = 0;
    try {
        std::optional<pg::Transaction> transaction;
        if (in_worker) transaction.emplace("pulse: reading a definition");
        moment = pg::PastNow();
        found = segment::Load(name);
        segment::RequireMeasured(*found);
        if (transaction) transaction->Commit();
    } catch (const UserError& error) {
        return {name, std::nullopt, "failed", std::nullopt, ReasonOf(error)};
    }
    return in_worker ? TakeInBackground(*found, moment, breaker) : TakeOne(*found, moment, breaker);
}

RunResult RunRequests(bool in_worker) {
    int64_t measured = 0, failed = 0, waiting = 0;
    SourceCircuitBreaker breaker;
    pg::Arena arena("pulse requested snapshots");
    for (;;) {
        pg::CheckInterrupts();
        std::optional<Requested> request;
        InTable(in_worker, [&] { request = BeginOne(); });
        if (!request) break;
        const TakeResult result = TakeRequested(request->name, in_worker, breaker);
        InTable(in_worker, [&] { EndOne(*request, result); });
        (result.status == "ok" ? measured : result.status == "failed" ? failed : waiting) += 1;
        if (result.status == "ok" && request->check_drift) AnnounceRequested(request->name, in_worker);
        arena.Reset();
    }
    RunResult result;
    result.rows = measured;
    result.message = Plural(measured, "segment") + " measured, " + std::to_string(failed) + " failed, " +
                     std::to_string(waiting) + " to be tried again";
    return result;
}

Moment NextRequestDue() {
    static pg::Statement next(
        "SELECT min(next_try_at) FROM pulse.snapshot_request WHERE next_try_at IS NOT NULL", {});
    return next.Execute({})[0].TimeOrNull(0).value_or(pg::kNever);
}

const pg::JobKind kRequestsJob{.id = 9,
                               .name = "requested_snapshots",
                               .description = "Takes the snapshots that pulse_request_snapshot() asked for.",
                               .schedule = "10 seconds",
                               .next_due = NextRequestDue,
                               .run = RunRequests};

[[maybe_unused]] const bool requests_registered = pg::RegisterJobKind(kRequestsJob);

}  // namespace

RequestState RequestSnapshot(const std::string& name, bool check_drift) {
    const segment::Segment segment = segment::Load(name);
    segment::RequireMeasured(segment);
    const std::string actor = pg::ActorName();
    const std::string caller = pg::CallerName();
    pg::NotifyLauncher();
    const pg::OwnerSession session;
    Ask(segment.id, actor, check_drift);
    // Not with the snapshot of the calling statement, which cannot see the request.
    return ReadRequest(segment.id, caller, false).value();
}

RequestedSnapshots RequestDueSnapshots() {
    const std::vector<segment::Segment> due = FindDue(pg::PastNow());
    const std::string actor = pg::ActorName();
    RequestedSnapshots result{static_cast<int64_t>(due.size()), "waiting", std::nullopt};
    {
        const pg::OwnerSession session;
        for (const segment::Segment& segment : due) Ask(segment.id, actor, false);
        result.detail = pg::WhyNoWorker(kRequestsJob);
    }
    if (result.detail) result.state = "no_worker";
    pg::NotifyLauncher();
    return result;
}

std::optional<RequestState> FindRequest(const std::string& name) {
    const segment::Segment segment = segment::Load(name);
    const std::string caller = pg::CallerName();
    const pg::OwnerSession session;
    return ReadRequest(segment.id, caller, true);
}

}  // namespace pulse::snapshot
