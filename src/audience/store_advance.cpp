// The steps of a sync: reading the segment, planning, beginning, finishing. What holds it is in
// store_hold.cpp.
#include <nlohmann/json.hpp>

#include "pulse/audience/store_mark.hpp"
#include "pulse/audience/store_sync.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"

namespace pulse::audience {

namespace {

using pg::Value;

constexpr int64_t kPeopleAtOnce = 5'000;  // that are looked at in one transaction
constexpr int64_t kBuildPause = 30 * kSecond;

std::optional<Run> LockRun(int64_t id) {
    static pg::Statement statement(
        "SELECT audience_id, operation, status, phase, triggered_by, created_at, after,"
        " decided_at, held_at, held_by, approved_by IS NOT NULL, cancel_requested, attempts, session_id,"
        " session_batches, session_at, session_first_done, started_at, failed, action_id, share_reason,"
        " coalesce(replacement, ''), restarts FROM pulse.sync_run"
        " WHERE id = $1 AND status IN ('pending', 'processing', 'held') FOR UPDATE",
        {INT8OID});
    const pg::Result rows = statement.Execute({Value::Int8(id)});
    if (rows.empty()) return std::nullopt;
    const pg::Row row = rows[0];
    Run run;
    run.id = id;
    run.audience = row.Int8(0);
    run.operation = row.Text(1);
    run.status = row.Text(2);
    run.phase = row.Text(3);
    run.triggered_by = row.Text(4);
    run.created_at = row.Time(5);
    run.after = row.Int8(6);
    run.decided_at = row.TimeOrNull(7);
    run.held_at = row.TimeOrNull(8);
    run.held_by = row.TextOrNull(9);
    run.approved = row.Bool(10);
    run.cancel_requested = row.Bool(11);
    run.attempts = row.Int4(12);
    run.session.id = row.Int8OrNull(13).value_or(0);
    run.session.batches = row.Int8(14);
    run.session.started_at = row.TimeOrNull(15).value_or(0);
    run.session.first_done = row.Bool(16);
    run.started_at = row.TimeOrNull(17);
    run.failed = row.Int8(18);
    run.action = row.Int8OrNull(19);
    run.share_reason = row.TextOrNull(20).value_or("");
    run.replacement = row.Text(21);
    run.restarts = row.Int4(22);
    return run;
}

// What is already decided elsewhere: what the law wants, and what an operator does by hand.
bool NeedsGate(const Run& run) {
    return run.operation != "erase" && run.operation != "delete";
}

// Whether the segment cannot be read now: it is waited for, or the sync has failed. Also in the middle of a
// sync, for a segment that is being built has hardly any members.
bool CannotRead(const Run& run, const Audience& audience) {
    const std::string why = WhyNotReadable(audience);
    if (why.empty()) return false;
    if (why == "its segment is being built")
        WaitUntil(run, pg::Now() + kBuildPause);
    else
        EndRun(run.id, "failed", why);
    return true;
}

// ---- planning ----

void AddCounts(const Run& run, const PlanCounts& counts) {
    static pg::Statement statement(
        "UPDATE pulse.sync_run SET examined = examined + $2, total = total + $3,"
        " suppressed = suppressed + $4, suppressed_by = (SELECT coalesce(jsonb_object_agg(k.key, k.n), '{}')"
        " FROM (SELECT e.key, sum(e.value::bigint) AS n FROM (SELECT * FROM jsonb_each_text(suppressed_by)"
        " UNION ALL SELECT * FROM jsonb_each_text($5)) AS e GROUP BY e.key) AS k) WHERE id = $1",
        {INT8OID, INT8OID, INT8OID, INT8OID, JSONBOID});
    statement.Execute({Value::Int8(run.id), Value::Int8(counts.examined), Value::Int8(counts.members),
                       Value::Int8(counts.suppressed), Value::Jsonb(pg::Json(counts.suppressed_by))});
}

void PlanPeople(const Run& run, const Audience& audience, const Destination& destination,
                const std::vector<int64_t>& people) {
    const std::vector<WantedPerson> wanted = FindWanted(audience, destination, people);
    PlanCounts counts;
    for (const WantedPerson& person : wanted) counts.Count(person);
    WriteLedger(audience.id, destination.platform, wanted, run.operation == "replace");
    AddCounts(run, counts);
}

void PlanStep(Run& run, const Audience& audience, const Destination& destination) {
    if (run.operation == "delta") {
        const std::vector<int64_t> people = TakeMarks(audience.id, kPeopleAtOnce);
        if (people.empty())
            SetPhase(run, "check");
        else
            PlanPeople(run, audience, destination, people);
        return;
    }
    const std::vector<int64_t> people = NextCandidates(audience, run.after, kPeopleAtOnce);
    if (people.empty()) {
        SetPhase(run, "check");
        return;
    }
    // Person by person: where the sync ends before it has compared all, the others keep their marks.
    DropMarks(audience.id, people);
    PlanPeople(run, audience, destination, people);
    pg::Execute("UPDATE pulse.sync_run SET after = $2 WHERE id = $1",
                {Value::Int8(run.id), Value::Int8(people.back())});
}

// ---- beginning ----

// Changes may have been deleted since it was queued.
void CompareAllIfLost(Run& run) {
    const pg::Result lost = pg::Execute(
        "UPDATE pulse.sync_run AS r SET operation = 'full', because = a.compare_because FROM pulse.audience AS a"
        " WHERE r.id = $1 AND r.operation = 'delta' AND a.id = r.audience_id AND a.last_full_at IS NULL"
        " RETURNING 1",
        {Value::Int8(run.id)});
    if (!lost.empty()) run.operation = "full";
}

void Begin(Run& run, const Audience& audience, const Destination& destination) {
    const Moment now = pg::Now();
    if (run.operation != "erase" && run.operation != "delete") {
        NoteWithoutConsent(destination.name, destination.sends_without_consent);
        if (!TakeMembershipChanges()) return;  // again
        CompareAllIfLost(run);
        MarkEndedConsents(audience.id);
        if (run.operation != "delta")
            pg::Execute(
                "UPDATE pulse.audience SET consent_as_of = $2 WHERE id = $1"
                " AND coalesce(consent_as_of, 'infinity') > $2",
                {Value::Int8(audience.id), Value::Time(now)});
    }
    pg::Execute("UPDATE pulse.sync_run SET started_at = coalesce(started_at, $2) WHERE id = $1",
                {Value::Int8(run.id), Value::Time(now)});
    if (run.operation == "erase")
        SetPhase(run, "remove");
    else if (run.operation == "delete") {
        // Where the platform has audiences it deletes this one with everybody in it.
        if (!FactsOf(destination.platform).has_audiences) RemoveEverybody(audience.id);
        SetPhase(run, "check");
    } else
        SetPhase(run, audience.of_people ? "plan" : "scan");
}

// ---- finishing ----

// Whether the audience must be created before anybody is sent.
bool MustCreate(const Work& work) {
    return FactsOf(work.destination->platform).has_audiences && !work.audience->platform_id;
}

Work::Kind FinishStep(const Run& run, const Work& work) {
    const PlatformFacts& facts = FactsOf(work.destination->platform);
    const bool there = work.audience->platform_id.has_value();
    if (run.operation == "delete")
        return facts.has_audiences && there ? Work::Kind::kDelete : Work::Kind::kSize;
    if (run.operation == "replace" && facts.replacement == Replacement::kRemoveOld && there)
        return Work::Kind::kRemoveAll;
    return Work::Kind::kSize;
}

// Loads what the run works on; false when it cannot go on.
bool Load(const Run& run, Work& work) {
    work.audience = FindAudience(run.audience);
    if (!work.audience || !work.audience->at_home) {
        EndRun(run.id, "cancelled", work.audience ? "restored from a dump" : "the audience was deleted");
        return false;
    }
    if (run.cancel_requested || (NeedsGate(run) && work.audience->status != "active")) {
        EndRun(run.id, "cancelled", run.cancel_requested ? "cancelled" : "the audience is not active");
        return false;
    }
    try {
        work.destination = DestinationOf(*work.audience);
    } catch (const UserError& error) {
        EndRun(run.id, "failed", error.message() + (error.detail().empty() ? "" : ": " + error.detail()));
        return false;
    }
    return true;
}

// Does the next step of the phase that the run is in.
void DoPhase(Run& run, Work& work, ClaimPlace& place) {
    if (run.phase == "begin") {
        Begin(run, *work.audience, *work.destination);
    } else if (run.phase == "scan") {
        ScanMembers(*work.audience);
        SetPhase(run, "plan");
    } else if (run.phase == "plan") {
        PlanStep(run, *work.audience, *work.destination);
    } else if (run.phase == "check") {
        if (!ChecksShare(run, *work.audience, *work.destination)) {
            work.kind = Work::Kind::kNothing;
        } else {
            ChooseReplacement(run, *work.audience, *work.destination);
            SetPhase(run, "remove");
        }
    } else if (run.phase == "remove") {
        // Before it exists there, nobody can be in it.
        if (MustCreate(work))
            SetPhase(run, run.operation == "delete" || run.operation == "erase" ? "finish" : "add");
        else if (run.operation == "delete" && FactsOf(work.destination->platform).has_audiences)
            SetPhase(run, "finish");
        else
            ClaimRemovalStep(run, work, place);
    } else if (run.phase == "add") {
        if (MustCreate(work) && CountOpen(run.audience).adding > 0)
            work.kind = run.attempts > 0 ? Work::Kind::kFind : Work::Kind::kCreate;
        else
            ClaimAdditionStep(run, work, place);
    } else {
        work.kind = FinishStep(run, work);
    }
}

}  // namespace

void WaitUntil(const Run& run, Moment until) {
    pg::Execute("UPDATE pulse.sync_run SET not_before = $2 WHERE id = $1",
                {Value::Int8(run.id), Value::Time(until)});
}

void SetPhase(Run& run, const char* phase) {
    run.phase = phase;
    run.after = 0;
    run.session = {};
    pg::Execute(
        "UPDATE pulse.sync_run SET phase = $2, after = 0, session_id = NULL, session_batches = 0,"
        " session_at = NULL, session_first_done = false WHERE id = $1",
        {Value::Int8(run.id), Value::Text(phase)});
}

Work AdvanceRun(int64_t id, ClaimPlace& place) {
    Work work;
    std::optional<Run> run = LockRun(id);
    if (!run) return work;
    if (!Load(*run, work)) return work;
    if (run->status == "held" && run->held_by == "share") {
        KeepHeldForShare(*run, work);
        return work;
    }
    if (NeedsGate(*run) && !PassesGate(*run, work)) return work;
    if (run->status != "processing")
        pg::Execute(
            "UPDATE pulse.sync_run SET status = 'processing', held_by = NULL, held_at = NULL,"
            " held_reason = NULL WHERE id = $1",
            {Value::Int8(id)});
    run->status = "processing";
    work.kind = Work::Kind::kAgain;
    const bool reads =
        run->phase == "begin" || run->phase == "scan" || run->phase == "plan" || run->phase == "add";
    if (reads && NeedsGate(*run) && CannotRead(*run, *work.audience)) {
        work.run = *run;
        return work;
    }
    DoPhase(*run, work, place);
    work.run = *run;
    return work;
}

}  // namespace pulse::audience
