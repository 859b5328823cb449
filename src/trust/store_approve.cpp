// What people decide about actions: approve, dismiss, override, roll back.
#include "pulse/base/suggest.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/trust/store_action.hpp"

namespace pulse::trust {

namespace {

using pg::Value;

[[noreturn]] void ThrowState(const ActionRow& row, const std::string& verb, const std::string& hint) {
    throw UserError(sqlstate::kNotReady, "action " + std::to_string(row.id) + " cannot be " + verb,
                    std::string("It is ") + Name(row.state) + ".", hint);
}

void RequirePending(const ActionRow& row, const std::string& verb) {
    if (row.state != State::kPending)
        ThrowState(row, verb,
                   row.state == State::kApproved ? "It is approved already and is carried out next."
                   : IsFinal(row.state)          ? "It has ended; propose another one."
                                                 : "It is being applied.");
}

// The column says who has seen it, whatever follows.
void MarkSeen(ActionRow& row, const char* what, const std::string& actor) {
    const std::string column = what;
    pg::Execute("UPDATE pulse.action SET " + column + "_at = $2, " + column + "_by = $3 WHERE id = $1",
                {Value::Int8(row.id), Value::Time(pg::Now()), Value::Text(actor)});
    if (column == "approved") row.approved = true;
    if (column == "overridden") row.overridden = true;
}

Decided ApproveRow(ActionRow& row, const std::optional<std::string>& comment, const std::string& actor) {
    MarkSeen(row, "approved", actor);
    Decided decided{row, Assess(row, LoadEnforcement(), false)};
    const Course course = decided.assessed.course;
    TakeStep(
        decided.row,
        {.event = "approved", .state = course.state, .need = course.need, .actor = actor, .note = comment},
        &decided.assessed);
    return decided;
}

}  // namespace

Decided Approve(int64_t id, const std::optional<std::string>& comment, const std::string& actor) {
    ActionRow row = LockAction(id);
    RequirePending(row, "approved");
    RequireNotFrozen(row.risk);
    if (row.approved)
        ThrowState(
            row, "approved again",
            row.need == Need::kConfirmation
                ? "It exceeds a limit: pulse_request_confirmation() gives a token for pulse_confirm_action()."
                : "It is approved and waits until the gate lets it pass.");
    return ApproveRow(row, comment, actor);
}

std::vector<Decided> ApproveAll(const std::optional<std::string>& comment, const std::string& actor) {
    RequireNotFrozen("");
    const pg::Result rows = pg::Execute(
        "SELECT id FROM pulse.action WHERE state = 'pending' AND needs IN ('approval', 'decision')"
        " AND level <> 'suggest' AND approved_at IS NULL AND expires_at > $1 ORDER BY id LIMIT 1000",
        {Value::Time(pg::Now())});
    std::vector<Decided> all;
    for (uint64_t i = 0; i < rows.size(); ++i) {
        pg::CheckInterrupts();
        std::optional<ActionRow> row = TryLockAction(rows[i].Int8(0));
        if (row && row->state == State::kPending && !row->approved)
            all.push_back(ApproveRow(*row, comment, actor));
    }
    return all;
}

void Dismiss(int64_t id, const std::optional<std::string>& reason, const std::string& actor) {
    ActionRow row = LockAction(id);
    if (IsFinal(row.state))
        ThrowState(row, "dismissed",
                   row.state == State::kApplied ? "pulse_rollback_action() undoes it, if its kind allows."
                                                : "It has ended.");
    if (row.state == State::kApplying) CancelWebhook(row, "the action was dismissed");
    TakeStep(row, {.event = "dismissed", .state = State::kDismissed, .actor = actor, .note = reason},
             nullptr);
}

Decided Override(int64_t id, const std::string& reason, const std::string& actor, bool& overridden) {
    ActionRow row = LockAction(id);
    RequirePending(row, "overridden");
    RequireNotFrozen(row.risk);
    const Enforcement enforcement = LoadEnforcement();
    Decided decided{row, Assess(row, enforcement, false)};
    const Verdict verdict = decided.assessed.gate.verdict;
    overridden = verdict == Verdict::kHold;
    if (verdict == Verdict::kPass)
        ThrowState(row, "overridden", "The gate lets it pass: pulse_approve_action() approves it.");
    if (overridden) {
        MarkSeen(decided.row, "overridden", actor);
        MarkSeen(decided.row, "approved", actor);
        decided.assessed = Assess(decided.row, enforcement, false);
        // The second look must not be worse than the first.
        overridden = decided.assessed.gate.verdict != Verdict::kBlock;
    }
    const Course course = decided.assessed.course;
    TakeStep(decided.row,
             {.event = overridden ? "overridden" : "override_refused",
              .state = course.state,
              .need = course.need,
              .actor = actor,
              .note = reason},
             &decided.assessed);
    return decided;
}

void RollBack(int64_t id, const std::optional<std::string>& reason, const std::string& actor) {
    ActionRow row = LockAction(id);
    if (row.state != State::kApplied)
        ThrowState(row, "rolled back",
                   IsFinal(row.state) ? "It has changed nothing that could be undone, or is undone already."
                                      : "It has changed nothing yet: pulse_dismiss_action() ends it.");
    RequireNotFrozen(row.risk);
    const ActionKind* kind = FindActionKind(row.name);
    if (!kind)
        ThrowState(row, "rolled back",
                   "Its receiver carried it out: propose the opposite action with what its payload has as "
                   "\"before\".");
    if (!kind->roll_back || row.state_before.is_null())
        ThrowState(row, "rolled back",
                   row.name + " keeps no state to restore: propose an action that undoes it.");
    const pg::Result later = pg::Execute(
        "SELECT max(id) FROM pulse.action WHERE subject = $1 AND id > $2 AND (state = 'applied' OR finished_at IS NULL)",
        {Value::Text(row.subject), Value::Int8(row.id)});
    if (!later[0].IsNull(0))
        ThrowState(row, "rolled back",
                   "Action " + std::to_string(later[0].Int8(0)) +
                       " of the same subject came later: roll that back, or dismiss it, first.");
    kind->roll_back(ActionOf(row), row.state_before);
    TakeStep(row, {.event = "rolled_back", .state = State::kRolledBack, .actor = actor, .note = reason},
             nullptr);
}

}  // namespace pulse::trust
