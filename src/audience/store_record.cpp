// What became of requests: batches, people, sessions, and the end of a sync.
#include <algorithm>

#include "pulse/audience/store_alarm.hpp"
#include "pulse/audience/store_sync.hpp"
#include "pulse/base/random.hpp"
#include "pulse/delivery/excerpt.hpp"
#include "pulse/delivery/store.hpp"
#include "pulse/delivery/store_publish.hpp"
#include "pulse/delivery/store_route.hpp"
#include "pulse/pg/array.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/trust/action_kind.hpp"

namespace pulse::audience {

namespace {

[[maybe_unused]] const bool audience_events_registered = delivery::RegisterEventNames(
    {"audience_sync.completed", "audience_sync.failed", "audience_sync.held", "audience_sync.cancelled"});

using pg::Value;

// After the first failure of a request, soon; then after these pauses; after the last one the sync fails.
constexpr int64_t kPauses[] = {2 * kSecond, kMinute, 5 * kMinute, 15 * kMinute, kHour};
constexpr int64_t kShortestThrottle = 5 * kSecond;
// What erased people were sent is removed for as long as this.
constexpr int64_t kErasurePatience = 30 * kDay;
// Of an audience that follows changes.
constexpr int64_t kPauseAfterFailure = kHour;
constexpr double kAlarmingFailures = 0.1;

// When the next sync is due: the schedule continues from the last one that was due, so it does not drift.
void SetNext(const Audience& audience, bool failed) {
    const Moment now = pg::Now();
    std::optional<Moment> next;
    if (audience.every)
        next = now + *audience.every;
    else if (audience.on_change && failed)
        next = now + kPauseAfterFailure;
    pg::Execute("UPDATE pulse.audience SET next_sync_at = $2 WHERE id = $1 AND status = 'active'",
                {Value::Int8(audience.id), Value::Time(next)});
}

// A sync that came to nothing is not due again at once, no matter who ended it or where it failed.
void PutOffNext(int64_t run) {
    pg::Execute(
        "UPDATE pulse.audience AS a SET next_sync_at = CASE WHEN a.sync_every IS NOT NULL"
        " THEN $2 + a.sync_every WHEN a.on_change THEN $2 + $3 * interval '1 microsecond' END"
        " FROM pulse.sync_run AS r WHERE r.id = $1 AND r.operation <> 'erase' AND a.id = r.audience_id"
        " AND a.status = 'active' AND (a.next_sync_at IS NULL OR a.next_sync_at <= $2)",
        {Value::Int8(run), Value::Time(pg::Now()), Value::Int8(kPauseAfterFailure)});
}

}  // namespace

std::string AnswerExcerpt(const std::string& text) {
    return delivery::Excerpt(text, 1'000);
}

void RecordBatch(const BatchRecord& batch) {
    pg::Execute(
        "INSERT INTO pulse.sync_batch (run_id, audience_id, operation, rows, outcome, answer_status,"
        " milliseconds, sent_at, upload_id, check_at, people, cells, error) VALUES ($1, $2, $3, $4::int,"
        " $5, nullif($6::int, 0), $7, $8, nullif($9, ''), $10, $11, $12, nullif($13, ''))",
        {Value::Int8(batch.run), Value::Int8(batch.audience),
         Value::Text(batch.operation == Operation::kAdd ? "add" : "remove"), Value::Int8(batch.rows),
         Value::Text(Name(batch.outcome)), Value::Int8(batch.status), Value::Float8(batch.milliseconds),
         Value::Time(pg::WallClock()), Value::Text(batch.upload_id), Value::Time(batch.check_at),
         batch.check_at ? Value::Int8s(batch.people) : Value::Null(INT8ARRAYOID),
         batch.check_at ? pg::Byteas(batch.cells) : Value::Null(BYTEAARRAYOID),
         Value::Text(AnswerExcerpt(batch.error))});
}

void RecordClaim(const Run& run, const Audience& audience, const Claimed& claimed,
                 const std::map<int64_t, std::string>& refused, int64_t rows) {
    if (run.replaces() && claimed.operation == Operation::kAdd) {
        // Nobody is in the audience before the whole of it is.
        pg::Execute(
            "UPDATE pulse.sync_run SET after = greatest(after, $2), sent = sent + $3, attempts = 0"
            " WHERE id = $1",
            {Value::Int8(run.id), Value::Int8(claimed.reached), Value::Int8(rows)});
        return;
    }
    std::vector<int64_t> done = claimed.empty;
    std::vector<int64_t> bad;
    std::vector<std::string> reasons;
    for (const int64_t id : claimed.ids) {
        const auto found = refused.find(id);
        if (found == refused.end()) {
            done.push_back(id);
        } else {
            bad.push_back(id);
            reasons.push_back(AnswerExcerpt(found->second));
        }
    }
    int64_t added = 0, removed = 0, failed = 0;
    if (claimed.operation == Operation::kAdd) {
        added = RecordAdded(audience.id, done, pg::WallClock());
        failed = RecordRefused(audience.id, bad, reasons);
    } else {
        // What the platform does not take for removal is not there.
        done.insert(done.end(), bad.begin(), bad.end());
        removed = RecordRemoved(audience.id, claimed, done);
    }
    pg::Execute(
        "UPDATE pulse.sync_run SET added = added + $2, removed = removed + $3, failed = failed + $4,"
        " sent = sent + $5, attempts = 0 WHERE id = $1",
        {Value::Int8(run.id), Value::Int8(added), Value::Int8(removed), Value::Int8(failed),
         Value::Int8(rows)});
}

void RecordSession(int64_t run, const UploadSession& session) {
    pg::Execute(
        "UPDATE pulse.sync_run SET session_id = nullif($2, 0), session_batches = $3, session_at = $4,"
        " session_first_done = $5 WHERE id = $1",
        {Value::Int8(run), Value::Int8(session.id), Value::Int8(session.batches),
         session.started_at ? Value::Time(session.started_at) : Value::Null(TIMESTAMPTZOID),
         Value::Bool(session.first_done)});
}

void NoteCreation(int64_t run) {
    pg::Execute("UPDATE pulse.sync_run SET attempts = greatest(attempts, 1) WHERE id = $1",
                {Value::Int8(run)});
}

void RecordPlatformId(const Work& work, const std::string& id) {
    pg::Execute("UPDATE pulse.audience SET platform_id = $2, updated_at = $3 WHERE id = $1",
                {Value::Int8(work.audience->id), Value::Text(id), Value::Time(pg::Now())});
    pg::Execute("UPDATE pulse.sync_run SET attempts = 0 WHERE id = $1", {Value::Int8(work.run.id)});
}

void RetryLater(const Run& run, const std::string& destination, const Answer& answer,
                const std::string& body) {
    const Moment now = pg::WallClock();
    const bool throttled = answer.outcome == Outcome::kThrottled;
    constexpr int kMost = static_cast<int>(std::size(kPauses));
    NoteFailure(destination, AnswerExcerpt(answer.reason), false);
    const bool patient = run.operation == "erase" && now - run.created_at < kErasurePatience;
    if (!throttled && run.attempts >= kMost && !patient) {
        EndRun(run.id, "failed", answer.reason);
        return;
    }
    const int attempt = std::min(run.attempts, kMost - 1);
    int64_t pause =
        throttled ? std::max(answer.wait, kShortestThrottle) : std::max(answer.wait, kPauses[attempt]);
    pause = static_cast<int64_t>(static_cast<double>(pause) * (1 + RandomFraction() / 4));
    if (throttled) NoteBusy(destination, now + pause);
    pg::Execute(
        "UPDATE pulse.sync_run SET not_before = $2, attempts = attempts + $3::int, error = $4,"
        " answer = nullif($5, '') WHERE id = $1",
        {Value::Int8(run.id), Value::Time(now + pause), Value::Int8(throttled ? 0 : 1),
         Value::Text(AnswerExcerpt(answer.reason)), Value::Text(AnswerExcerpt(body))});
}

void FailRun(const Run& run, const Audience& audience, const Answer& answer, const std::string& body) {
    const bool login = answer.outcome == Outcome::kRenewToken;
    NoteFailure(audience.destination, AnswerExcerpt(answer.reason), login);
    pg::Execute("UPDATE pulse.sync_run SET answer = nullif($2, '') WHERE id = $1",
                {Value::Int8(run.id), Value::Text(AnswerExcerpt(body))});
    EndRun(run.id, "failed", answer.reason);
    const std::string reason = AnswerExcerpt(answer.reason);
    if (login) {
        StopAudience(audience.id, "stopped", "the login does not work: " + reason);
        SetWarning(audience.id, "login", true);
        AlarmEndingLogins();
    } else if (answer.outcome == Outcome::kBlocked) {
        StopAudience(audience.id, "stopped", reason + " " + answer.advice);
        SetWarning(audience.id, "blocked", true);
        NoteBlocked(audience, reason, answer.advice);
    } else if (answer.outcome == Outcome::kGone) {
        StopAudience(audience.id, "stale", "the platform has deleted it: " + reason);
    } else if (answer.outcome == Outcome::kFlagged) {
        StopAudience(audience.id, "stopped", "the platform has blocked it: " + reason + " " + answer.advice);
        SetWarning(audience.id, "flagged", true);
        AlarmFlagged(audience, reason, answer.advice);
    }
}

void FinishRun(const Run& run, const Audience& audience, const Destination& destination,
               const std::optional<AudienceState>& state) {
    if (run.operation == "delete") {
        EndRun(run.id, "completed", "");
        DropAudience(audience.id);
        return;
    }
    if (state) RecordSize(audience, destination, *state);
    const pg::Result rows =
        pg::Execute("SELECT failed, sent FROM pulse.sync_run WHERE id = $1", {Value::Int8(run.id)});
    const int64_t failed = rows[0].Int8(0), sent = rows[0].Int8(1);
    EndRun(run.id, failed > 0 ? "partial" : "completed", "");
    if (run.operation == "replace") NoteReplaced(audience.id);
    CompareSize(run, audience, destination, state);
    if (run.operation == "erase") return;
    SetWarning(audience.id, "failures",
               failed > 0 && static_cast<double>(failed) > kAlarmingFailures * static_cast<double>(sent));
    for (const char* alarm : {"login", "blocked", "flagged"}) SetWarning(audience.id, alarm, false);
    pg::Execute(
        "UPDATE pulse.audience SET last_sync_at = $2, last_full_at = CASE WHEN $3 THEN $2 ELSE"
        " last_full_at END, compare_because = CASE WHEN $3 THEN NULL ELSE compare_because END WHERE id = $1",
        {Value::Int8(audience.id), Value::Time(pg::Now()), Value::Bool(run.operation != "delta")});
    pg::Execute("DELETE FROM pulse.audience_scan WHERE audience_id = $1", {Value::Int8(audience.id)});
    SetNext(audience, false);
}

void EndApproval(int64_t run) {
    const pg::Result rows = pg::Execute(
        "SELECT c.id FROM pulse.sync_run AS r JOIN pulse.action AS c ON c.id = r.action_id WHERE r.id = $1"
        " AND c.state IN ('pending', 'approved')",
        {Value::Int8(run)});
    if (!rows.empty()) trust::EndProposed(rows[0].Int8(0), "sync " + std::to_string(run) + " has ended");
}

void EndRun(int64_t run, const char* status, const std::string& error) {
    pg::Execute(
        "UPDATE pulse.sync_run SET status = $2, phase = CASE WHEN $2 IN ('completed', 'partial')"
        " THEN 'done' ELSE phase END, finished_at = $3, error = nullif($4, ''), held_at = NULL"
        " WHERE id = $1",
        {Value::Int8(run), Value::Text(status), Value::Time(pg::Now()), Value::Text(AnswerExcerpt(error))});
    EndApproval(run);
    if (const std::string_view ended = status; ended == "failed" || ended == "cancelled") PutOffNext(run);
    AnnounceRun(run);
}

void AnnounceRun(int64_t run) {
    const pg::Result rows = pg::Execute(
        "SELECT r.status, jsonb_build_object('run', r.id, 'audience', r.audience, 'destination',"
        " a.destination, 'segment', s.name, 'operation', r.operation, 'status', r.status, 'examined',"
        " r.examined, 'members', r.total, 'added', r.added, 'removed', r.removed, 'failed', r.failed,"
        " 'suppressed', r.suppressed, 'because', r.because, 'error', coalesce(r.error, r.held_reason), 'created_at', r.created_at,"
        " 'finished_at', r.finished_at)::text FROM pulse.sync_run AS r"
        " LEFT JOIN pulse.audience AS a ON a.id = r.audience_id LEFT JOIN pulse.segment AS s"
        " ON s.id = a.segment_id WHERE r.id = $1",
        {Value::Int8(run)});
    if (rows.empty()) return;
    const std::string status = rows[0].Text(0);
    std::string event = "audience_sync.completed";
    if (status == "held" || status == "failed" || status == "cancelled") event = "audience_sync." + status;
    delivery::PublishEvent(event, "audience_sync:" + std::to_string(run), delivery::ReadObject(rows[0], 1));
}

void DropAudience(int64_t id) {
    // Nobody asks the platform any more what became of uploads.
    pg::Execute(
        "UPDATE pulse.sync_batch SET check_at = NULL, people = NULL, cells = NULL WHERE audience_id = $1"
        " AND check_at IS NOT NULL",
        {Value::Int8(id)});
    pg::Execute("DELETE FROM pulse.audience WHERE id = $1", {Value::Int8(id)});
    pg::Execute("DELETE FROM pulse.audience_mark WHERE audience_id = $1", {Value::Int8(id)});
}

}  // namespace pulse::audience
