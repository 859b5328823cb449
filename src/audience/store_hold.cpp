// What holds a sync: the gate, and that it would move more people than the audience allows.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "pulse/audience/delta.hpp"
#include "pulse/audience/store_mark.hpp"
#include "pulse/audience/store_sync.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/trust/action_kind.hpp"
#include "pulse/trust/store_gate.hpp"

namespace pulse::audience {

namespace {

using pg::Value;

constexpr int64_t kGatePause = kMinute;
constexpr int64_t kWithdrawnPause = kHour;
constexpr int64_t kLongestHold = kDay;
constexpr const char* kAction = "sync_audience";

std::string Sentence(const std::vector<std::string>& reasons) {
    std::string text;
    for (const std::string& reason : reasons) text += (text.empty() ? "" : " ") + reason;
    return text.empty() ? "The gate gave no reason." : text;
}

void Hold(const Run& run, const char* by, const std::string& reason) {
    const Moment now = pg::Now();
    pg::Execute(
        "UPDATE pulse.sync_run SET status = 'held', held_by = $2, held_reason = $3,"
        " held_at = coalesce(held_at, $4), not_before = $5 WHERE id = $1",
        {Value::Int8(run.id), Value::Text(by), Value::Text(reason), Value::Time(now),
         Value::Time(now + kGatePause)});
    if (run.status != "held") AnnounceRun(run.id);
}

// A sync that is held keeps nobody on a platform without consent: they leave alone, when it begins to be held
// and every hour.
void LetWithdrawnLeave(const Audience& audience, const Destination& destination) {
    const std::vector<std::string> purposes = RequiredPurposes(audience, destination);
    MarkEndedConsents(audience.id);
    if (QueueMarkedWithdrawn(audience.id, purposes) + QueueRemovedWithdrawn(audience.id, purposes) > 0)
        WakeSyncs();
}

void HeldByGate(const Run& run, const Work& work, const trust::GateDecision& decision) {
    if (!run.held_at || (pg::Now() - *run.held_at) % kWithdrawnPause < kGatePause)
        LetWithdrawnLeave(*work.audience, *work.destination);
    if (run.held_at && run.held_by == "gate" && *run.held_at + kLongestHold <= pg::Now()) {
        EndRun(run.id, "cancelled", "held by the gate for 24 hours: " + Sentence(decision.reasons));
        return;
    }
    Hold(run, "gate", Sentence(decision.reasons));
}

// The most people whom the audience has had within a day.
int64_t PeopleOfDay(const Audience& audience) {
    static pg::Statement statement(
        "UPDATE pulse.audience SET share_people = CASE WHEN share_at <= $2 AND share_at > $2 - interval '1 day'"
        " THEN greatest(share_people, people) ELSE people END, share_at = CASE WHEN share_at <= $2 AND"
        " share_at > $2 - interval '1 day' THEN share_at ELSE $2 END WHERE id = $1 RETURNING share_people",
        {INT8OID, TIMESTAMPTZOID});
    return statement.Execute({Value::Int8(audience.id), Value::Time(pg::Now())})[0].Int8(0);
}

// Why a sync must wait; empty: it may go on. Many small syncs of a day empty an audience like a large one, so
// they are counted together.
std::string WhyTooMany(const Audience& audience, const OpenRows& open, Platform platform) {
    SyncLimits limits;
    limits.max_share = audience.max_share;
    limits.replace_share = 2;  // a replacement is never chosen unasked
    DeltaCounts counts;
    counts.sent = audience.people;
    counts.desired = std::max<int64_t>(0, audience.people - open.removing) + open.adding;
    counts.removed = open.removing;
    const SyncPlan plan = PlanSync(platform, counts, limits);
    if (plan.way == SyncWay::kHeld) return plan.reason;
    DeltaCounts day;
    day.sent = PeopleOfDay(audience);
    day.desired = counts.desired;
    day.removed = open.removing > 0 ? std::max<int64_t>(0, day.sent - counts.desired) : 0;
    const SyncPlan all = PlanSync(platform, day, limits);
    return all.way == SyncWay::kHeld ? "The syncs of a day are counted together. " + all.reason : "";
}

void NoteOpen(const Run& run, const OpenRows& open) {
    pg::Execute("UPDATE pulse.sync_run SET to_add = $2, to_remove = $3 WHERE id = $1",
                {Value::Int8(run.id), Value::Int8(open.adding), Value::Int8(open.removing + open.queued)});
}

// A person decides about it as about any action: it waits in the queue of actions. Where that has no room
// yet, because another action of this audience has not ended or everything is frozen, it is asked for later.
void HoldForShare(const Run& run, const Audience& audience, const std::string& why) {
    trust::WaitingProposal proposal;
    proposal.name = kAction;
    proposal.subject = "audience:" + audience.name;
    proposal.payload = {{"run", run.id}};
    proposal.reason = why;
    const std::optional<int64_t> action = trust::ProposeWaiting(proposal);
    Hold(run, "share",
         why + (action ? " SELECT pulse_approve_action(" + std::to_string(*action) + ") lets it continue."
                       : " It cannot be approved yet: another action of the audience has not ended, or "
                         "everything is frozen."));
    pg::Execute("UPDATE pulse.sync_run SET action_id = $2, share_reason = $3 WHERE id = $1",
                {Value::Int8(run.id), Value::Int8(action), Value::Text(why)});
}

}  // namespace

bool PassesGate(Run& run, const Work& work) {
    const Audience& audience = *work.audience;
    const Moment now = pg::Now();
    const bool young = run.status == "processing" && run.decided_at && *run.decided_at <= now &&
                       *run.decided_at + trust::kDecisionLife > now;
    trust::GateDecision decision = trust::EvaluateGate(kAction, "audience:" + audience.name, true);
    if (decision.verdict == trust::Verdict::kPass && !young)
        decision = trust::EvaluateGate(kAction, "audience:" + audience.name, false);
    if (decision.verdict != trust::Verdict::kPass) {
        HeldByGate(run, work, decision);
        return false;
    }
    if (young) return true;
    run.decided_at = now;
    pg::Execute("UPDATE pulse.sync_run SET decided_at = $2, decision_id = nullif($3, 0) WHERE id = $1",
                {Value::Int8(run.id), Value::Time(now), Value::Int8(decision.id)});
    return true;
}

bool ChecksShare(Run& run, const Audience& audience, const Destination& destination) {
    OpenRows open = CountOpen(audience.id);
    NoteOpen(run, open);
    if (run.approved || run.operation == "delete") return true;
    std::string why = WhyTooMany(audience, open, destination.platform);
    if (!why.empty() && QueueRemovedWithdrawn(audience.id, RequiredPurposes(audience, destination)) > 0) {
        open = CountOpen(audience.id);
        NoteOpen(run, open);
        why = WhyTooMany(*FindAudience(audience.id), open, destination.platform);
    }
    if (why.empty()) return true;
    HoldForShare(run, audience, why);
    WakeSyncs();
    return false;
}

void KeepHeldForShare(const Run& run, const Work& work) {
    LetWithdrawnLeave(*work.audience, *work.destination);
    if (!run.action) HoldForShare(run, *work.audience, run.share_reason);
    const bool asked = run.action || pg::Execute("SELECT action_id FROM pulse.sync_run WHERE id = $1",
                                                 {Value::Int8(run.id)})[0]
                                         .Int8OrNull(0);
    WaitUntil(run, pg::Now() + (asked ? kWithdrawnPause : kGatePause));
}

}  // namespace pulse::audience
