// What became of requests: batches, people, sessions, the end of a sync, and uploads that take their time.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "pulse/audience/size_check.hpp"
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
#include "pulse/trust/store_signal.hpp"

namespace pulse::audience {

namespace {

[[maybe_unused]] const bool audience_events_registered =
    delivery::RegisterEventNames({"audience_sync.completed", "audience_sync.failed", "audience_sync.held",
                                  "audience_sync.cancelled", "audience.parted"});

using pg::Value;

constexpr size_t kAnswerLength = 1'000;
// After the first failure of a request, soon; then after these pauses; after the last one the sync fails.
constexpr int64_t kPauses[] = {2 * kSecond, kMinute, 5 * kMinute, 15 * kMinute, kHour};
constexpr int64_t kShortestThrottle = 5 * kSecond;
// What erased people were sent is removed for as long as this.
constexpr int64_t kErasurePatience = 30 * kDay;
// Of an audience that follows changes.
constexpr int64_t kPauseAfterFailure = kHour;
constexpr double kAlarmingFailures = 0.1;
constexpr double kAlarmingMatch = 0.5;

Value ByteArrays(const std::vector<std::string>& values) {
    std::vector<Datum> elements;
    for (const std::string& value : values) elements.push_back(pg::FromBytes(value));
    std::vector<char> nulls(elements.size(), 0);
    return pg::detail::Array(elements, nulls, BYTEAOID, BYTEAARRAYOID);
}

std::string Fitting(const std::string& text) {
    return delivery::Excerpt(text, kAnswerLength);
}

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

// Raises and lifts an alarm of an audience.
void Warn(int64_t audience, const char* alarm, bool raised) {
    pg::Execute(
        "UPDATE pulse.audience SET warned = CASE WHEN $3 THEN array_append(warned, $2)"
        " ELSE array_remove(warned, $2) END WHERE id = $1 AND ($2 = ANY (warned)) <> $3",
        {Value::Int8(audience), Value::Text(alarm), Value::Bool(raised)});
}

// What the health of the destination and of the audience is told.
void RecordMatchSignal(const Audience& audience, double low, double high) {
    trust::Signal signal;
    signal.name = "match_rate";
    signal.value = std::clamp((low + high) / 2, 0.0, 1.0);
    signal.source = audience.destination;
    signal.entity = "audience:" + audience.name;
    trust::RecordSignal(std::move(signal));
}

void RecordState(const Audience& audience, const Destination& destination, const AudienceState& state) {
    pg::Execute(
        "UPDATE pulse.audience SET size_low = coalesce($2, size_low), size_high = coalesce($3,"
        " size_high), size_at = CASE WHEN $2 IS NULL AND $3 IS NULL THEN size_at ELSE $4 END"
        " WHERE id = $1",
        {Value::Int8(audience.id), Value::Int8(state.size_low), Value::Int8(state.size_high),
         Value::Time(pg::Now())});
    double low = state.match_low.value_or(-1), high = state.match_high.value_or(-1);
    std::string source = "the platform's rate";
    if (!state.match_low && !state.match_high && state.size_low && state.size_high && audience.people > 0) {
        low = std::min(1.0, static_cast<double>(*state.size_low) / static_cast<double>(audience.people));
        high = std::min(1.0, static_cast<double>(*state.size_high) / static_cast<double>(audience.people));
        source = "its size by people sent";
    }
    if (low >= 0 || high >= 0) {
        pg::Execute(
            "UPDATE pulse.audience SET match_low = $2, match_high = $3, match_source = $4,"
            " match_at = $5 WHERE id = $1",
            {Value::Int8(audience.id), Value::Float8(low >= 0 ? low : high),
             Value::Float8(high >= 0 ? high : low), Value::Text(source), Value::Time(pg::Now())});
        RecordMatchSignal(audience, low >= 0 ? low : high, high >= 0 ? high : low);
        Warn(audience.id, "match", high >= 0 && high < kAlarmingMatch);
    }
    Warn(audience.id, "size",
         destination.minimum_size > 0 && state.size_high && *state.size_high < destination.minimum_size);
    Warn(audience.id, "expiring", state.expiring);
}

// People who were added or removed within the settling time.
int64_t MovedLately(int64_t audience, const Run& run) {
    return pg::Execute(
               "SELECT coalesce(sum(r.added + r.removed), 0)::bigint FROM pulse.sync_run AS r WHERE r.audience_id = $1"
               " AND (r.id = $2 OR r.finished_at > $3)",
               {Value::Int8(audience), Value::Int8(run.id),
                Value::Time(pg::Now() - pg::settings::audience_settling * kMinute)})[0]
        .Int8(0);
}

// Not again before the platform has had the time that a full comparison may take, or it would never end.
bool WasReplacedLately(const Audience& audience) {
    return pg::Execute("SELECT coalesce(replaced_at > $2, false) FROM pulse.audience WHERE id = $1",
                       {Value::Int8(audience.id), Value::Time(pg::Now() - audience.full_every)})[0]
        .Bool(0);
}

void AnnounceParted(const Audience& audience, const AudienceState& state, int64_t people,
                    const std::string& reason) {
    nlohmann::json event = {{"audience", audience.name},
                            {"destination", audience.destination},
                            {"segment", audience.segment},
                            {"people", people},
                            {"size_low", nullptr},
                            {"size_high", nullptr},
                            {"reason", reason}};
    if (state.size_low) event["size_low"] = *state.size_low;
    if (state.size_high) event["size_high"] = *state.size_high;
    delivery::PublishEvent("audience.parted", "audience:" + audience.name, event);
}

// Puts the platform's count beside the ledger's; where they have parted the next sync sends everybody again.
void Reconcile(const Run& run, const Audience& audience, const Destination& destination,
               const std::optional<AudienceState>& state) {
    const pg::Result rows = pg::Execute(
        "UPDATE pulse.sync_run AS r SET people = a.people, size_low = $2, size_high = $3 FROM pulse.audience AS a"
        " WHERE r.id = $1 AND a.id = r.audience_id RETURNING a.people, a.size_share, a.parted_at IS NOT NULL",
        {Value::Int8(run.id), Value::Int8(state ? state->size_low : std::nullopt),
         Value::Int8(state ? state->size_high : std::nullopt)});
    if (rows.empty() || !state || run.operation == "erase") return;
    SizeLook look;
    look.people = rows[0].Int8(0);
    look.low = state->size_low;
    look.high = state->size_high;
    look.usual_share = rows[0].Float8OrNull(1);
    look.moved = MovedLately(audience.id, run);
    look.least = destination.minimum_size;
    look.tolerance = pg::settings::audience_size_tolerance;
    const SizeVerdict verdict = CheckSize(look);
    if (!verdict.compared) return;
    const bool parted = verdict.parted && !WasReplacedLately(audience);
    pg::Execute(
        "UPDATE pulse.audience SET parted_at = CASE WHEN $2 THEN coalesce(parted_at, $3) END,"
        " compare_because = CASE WHEN $2 THEN $4 ELSE compare_because END,"
        " size_share = CASE WHEN $5 THEN size_share ELSE greatest(size_share, $6) END WHERE id = $1",
        {Value::Int8(audience.id), Value::Bool(parted), Value::Time(pg::Now()), Value::Text(verdict.reason),
         Value::Bool(verdict.parted), Value::Float8(verdict.share)});
    Warn(audience.id, "parted", verdict.parted);
    if (parted && !rows[0].Bool(2)) AnnounceParted(audience, *state, look.people, verdict.reason);
}

// Everybody was sent again: what the platform counts from now on is new.
void NoteReplaced(int64_t audience) {
    pg::Execute(
        "UPDATE pulse.audience SET replaced_at = $2, parted_at = NULL, size_share = NULL WHERE id = $1",
        {Value::Int8(audience), Value::Time(pg::Now())});
    Warn(audience, "parted", false);
}

}  // namespace

void RecordBatch(const BatchRecord& batch) {
    pg::Execute(
        "INSERT INTO pulse.sync_batch (run_id, audience_id, operation, rows, outcome, answer_status,"
        " milliseconds, sent_at, upload_id, look_at, people, cells, error) VALUES ($1, $2, $3, $4::int,"
        " $5, nullif($6::int, 0), $7, $8, nullif($9, ''), $10, $11, $12, nullif($13, ''))",
        {Value::Int8(batch.run), Value::Int8(batch.audience),
         Value::Text(batch.operation == Operation::kAdd ? "add" : "remove"), Value::Int8(batch.rows),
         Value::Text(Name(batch.outcome)), Value::Int8(batch.status), Value::Float8(batch.milliseconds),
         Value::Time(pg::WallClock()), Value::Text(batch.upload_id), Value::Time(batch.look_at),
         batch.look_at ? Value::Int8s(batch.people) : Value::Null(INT8ARRAYOID),
         batch.look_at ? ByteArrays(batch.cells) : Value::Null(BYTEAARRAYOID),
         Value::Text(Fitting(batch.error))});
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
            reasons.push_back(Fitting(found->second));
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
    NoteFailure(destination, Fitting(answer.reason), false);
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
         Value::Text(Fitting(answer.reason)), Value::Text(Fitting(body))});
}

void FailRun(const Run& run, const Audience& audience, const Answer& answer, const std::string& body) {
    const bool login = answer.outcome == Outcome::kRenewToken;
    NoteFailure(audience.destination, Fitting(answer.reason), login);
    pg::Execute("UPDATE pulse.sync_run SET answer = nullif($2, '') WHERE id = $1",
                {Value::Int8(run.id), Value::Text(Fitting(body))});
    EndRun(run.id, "failed", answer.reason);
    const std::string reason = Fitting(answer.reason);
    if (login) {
        StopAudience(audience.id, "stopped", "the login does not work: " + reason);
        Warn(audience.id, "login", true);
        AlarmEndingLogins();
    } else if (answer.outcome == Outcome::kBlocked) {
        StopAudience(audience.id, "stopped", reason + " " + answer.advice);
        Warn(audience.id, "blocked", true);
        NoteBlocked(audience, reason, answer.advice);
    } else if (answer.outcome == Outcome::kGone) {
        StopAudience(audience.id, "stale", "the platform has deleted it: " + reason);
    } else if (answer.outcome == Outcome::kFlagged) {
        StopAudience(audience.id, "stopped", "the platform has blocked it: " + reason + " " + answer.advice);
        Warn(audience.id, "flagged", true);
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
    if (state) RecordState(audience, destination, *state);
    const pg::Result rows =
        pg::Execute("SELECT failed, sent FROM pulse.sync_run WHERE id = $1", {Value::Int8(run.id)});
    const int64_t failed = rows[0].Int8(0), sent = rows[0].Int8(1);
    EndRun(run.id, failed > 0 ? "partial" : "completed", "");
    if (run.operation == "replace") NoteReplaced(audience.id);
    Reconcile(run, audience, destination, state);
    if (run.operation == "erase") return;
    Warn(audience.id, "failures",
         failed > 0 && static_cast<double>(failed) > kAlarmingFailures * static_cast<double>(sent));
    for (const char* alarm : {"login", "blocked", "flagged"}) Warn(audience.id, alarm, false);
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
        {Value::Int8(run), Value::Text(status), Value::Time(pg::Now()), Value::Text(Fitting(error))});
    EndApproval(run);
    if (const std::string_view ended = status; ended == "failed" || ended == "cancelled") PutOffNext(run);
    AnnounceRun(run);
}

void AnnounceRun(int64_t run) {
    const pg::Result rows = pg::Execute(
        "SELECT r.status, jsonb_build_object('run', r.id, 'audience', r.audience, 'destination',"
        " a.destination, 'segment', s.name, 'operation', r.operation, 'status', r.status, 'looked_at',"
        " r.looked_at, 'members', r.total, 'added', r.added, 'removed', r.removed, 'failed', r.failed,"
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
        "UPDATE pulse.sync_batch SET look_at = NULL, people = NULL, cells = NULL WHERE audience_id = $1"
        " AND look_at IS NOT NULL",
        {Value::Int8(id)});
    pg::Execute("DELETE FROM pulse.audience WHERE id = $1", {Value::Int8(id)});
    pg::Execute("DELETE FROM pulse.audience_mark WHERE audience_id = $1", {Value::Int8(id)});
}

std::vector<OpenUpload> UploadsToLookAt(int64_t most) {
    const pg::Result rows = pg::Execute(
        "SELECT b.id, b.audience_id, b.upload_id, a.destination, a.platform_id, b.looks"
        " FROM pulse.sync_batch AS b JOIN pulse.audience AS a ON a.id = b.audience_id"
        " JOIN pulse.audience_home AS h ON h.audience_id = a.id"
        " WHERE b.look_at <= $1 ORDER BY b.look_at LIMIT $2",
        {Value::Time(pg::WallClock()), Value::Int8(most)});
    std::vector<OpenUpload> uploads;
    for (uint64_t i = 0; i < rows.size(); ++i)
        uploads.push_back({rows[i].Int8(0), rows[i].Int8(1), rows[i].Text(2), rows[i].Text(3),
                           rows[i].TextOrNull(4), rows[i].Int4(5)});
    return uploads;
}

void RecordLook(const OpenUpload& upload, const Answer& answer, Platform platform) {
    const int looks = upload.looks + 1;
    const int64_t delay = ProgressDelay(platform, looks + 1);
    const bool wait = answer.outcome == Outcome::kPending || answer.outcome == Outcome::kRetry ||
                      answer.outcome == Outcome::kThrottled || answer.outcome == Outcome::kRenewToken;
    if (wait && delay > 0) {
        pg::Execute(
            "UPDATE pulse.sync_batch SET looks = $2::int, look_at = $3, error = nullif($4, '')"
            " WHERE id = $1",
            {Value::Int8(upload.id), Value::Int8(looks),
             Value::Time(pg::WallClock() + std::max(delay, answer.wait)),
             Value::Text(Fitting(answer.reason))});
        return;
    }
    const pg::Result rows = pg::Execute(
        "SELECT operation, coalesce(people, '{}'), cells, run_id, EXISTS (SELECT FROM pulse.sync_run AS r"
        " WHERE r.id = run_id AND r.operation = 'erase') FROM pulse.sync_batch WHERE id = $1 FOR UPDATE",
        {Value::Int8(upload.id)});
    if (rows.empty()) return;
    if (answer.outcome == Outcome::kRefused || answer.outcome == Outcome::kRestart ||
        answer.outcome == Outcome::kPartial || answer.outcome == Outcome::kBadRows) {
        // Taken, and not done: it is done again with the next sync.
        std::vector<std::string> cells;
        if (!rows[0].IsNull(2)) {
            const pg::Result packed = pg::Execute(
                "SELECT u.cells FROM pulse.sync_batch AS b CROSS JOIN LATERAL unnest(b.cells) AS u (cells)"
                " WHERE b.id = $1",
                {Value::Int8(upload.id)});
            for (uint64_t i = 0; i < packed.size(); ++i) cells.push_back(pg::ToBytes(packed[i].Raw(0)));
        }
        ReopenUpload(upload.audience, rows[0].Text(0) == "add" ? Operation::kAdd : Operation::kRemove,
                     rows[0].Int8s(1), cells, rows[0].Bool(4));
    }
    pg::Execute(
        "UPDATE pulse.sync_batch SET looks = $2::int, look_at = NULL, outcome = $3, people = NULL,"
        " cells = NULL, error = nullif($4, '') WHERE id = $1",
        {Value::Int8(upload.id), Value::Int8(looks), Value::Text(Name(answer.outcome)),
         Value::Text(Fitting(answer.reason))});
    if (!answer.progress || (!answer.progress->match_low && !answer.progress->match_high)) return;
    const double low = answer.progress->match_low.value_or(*answer.progress->match_high);
    const double high = answer.progress->match_high.value_or(*answer.progress->match_low);
    pg::Execute("UPDATE pulse.sync_run SET match_low = $2, match_high = $3 WHERE id = $1",
                {Value::Int8(rows[0].Int8(3)), Value::Float8(low), Value::Float8(high)});
    pg::Execute(
        "UPDATE pulse.audience SET match_low = $2, match_high = $3, match_source ="
        " 'an upload, by the platform', match_at = $4 WHERE id = $1",
        {Value::Int8(upload.audience), Value::Float8(low), Value::Float8(high), Value::Time(pg::Now())});
    if (const auto audience = FindAudience(upload.audience)) RecordMatchSignal(*audience, low, high);
    Warn(upload.audience, "match", high < kAlarmingMatch);
}

}  // namespace pulse::audience
