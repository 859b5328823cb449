// Rows of pulse.action, and the steps that they take.
#include "pulse/trust/store_action.hpp"

#include "pulse/audit/store.hpp"
#include "pulse/delivery/store_alert.hpp"
#include "pulse/delivery/store_publish.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/settings.hpp"

namespace pulse::trust {

namespace {

using nlohmann::json;
using pg::Value;

#define PULSE_ACTION_COLUMNS                                                                            \
    "SELECT id, name, subject, gate_subject, payload, reason, risk, level, state, coalesce(needs, '')," \
    " channel, automation_id, share, coalesce(decision_id, 0), attempt, approved_at IS NOT NULL,"       \
    " confirmed_at IS NOT NULL, overridden_at IS NOT NULL, created_at, expires_at, applied_at,"         \
    " state_before, pulse.role_name(runs_as, role_oid), search_path FROM pulse.action WHERE id = $1 FOR UPDATE"

Need ReadNeed(const std::string& name) {
    for (const Need need : {Need::kApproval, Need::kConfirmation, Need::kHealth, Need::kDecision})
        if (name == Name(need)) return need;
    return Need::kNone;
}

ActionRow ReadAction(const pg::Row& row) {
    ActionRow action;
    action.id = row.Int8(0);
    action.name = row.Text(1);
    action.subject = row.Text(2);
    action.gate_subject = row.Text(3);
    action.payload = row.Jsonb(4);
    action.reason = row.TextOrNull(5);
    action.risk = row.Text(6);
    action.level = ReadLevel(row.Text(7));
    action.state = ReadState(row.Text(8));
    action.need = ReadNeed(row.Text(9));
    action.channel = row.TextOrNull(10);
    action.automation = row.Int8OrNull(11);
    action.share = row.Float8OrNull(12);
    action.decision = row.Int8(13);
    action.attempt = row.Int4(14);
    action.approved = row.Bool(15);
    action.confirmed = row.Bool(16);
    action.overridden = row.Bool(17);
    action.created_at = row.Time(18);
    action.expires_at = row.Time(19);
    action.applied_at = row.TimeOrNull(20);
    if (!row.IsNull(21)) action.state_before = row.Jsonb(21);
    action.runs_as = row.Text(22);
    action.search_path = row.Text(23);
    return action;
}

// The event of a step that subscriptions receive; null: none.
const char* MessageOf(const ActionRow& row, const Step& step) {
    const std::string event = step.event;
    if (event == "blocked" || event == "override_refused") return "action.blocked";
    if (step.state == State::kPending && step.event != std::string("overridden"))
        return row.level == Level::kSuggest ? nullptr : "action.pending";
    if (event == "applied") return "action.applied";
    if (event == "failed" || event == "expired") return "action.failed";
    return nullptr;
}

json DataOf(const ActionRow& row, const Step& step, const Assessed* assessed) {
    json data = {{"action", row.id},
                 {"name", row.name},
                 {"subject", row.subject},
                 {"risk", row.risk},
                 {"level", Name(row.level)},
                 {"state", Name(step.state)},
                 {"needs", step.need == Need::kNone ? json() : json(Name(step.need))},
                 {"step", step.event},
                 {"actor", step.actor},
                 {"automation", row.automation ? json(*row.automation) : json()}};
    if (step.note) data["note"] = *step.note;
    if (!assessed) return data;
    data["decision"] = Name(assessed->gate.verdict);
    data["score"] = assessed->gate.score ? json(*assessed->gate.score) : json();
    data["reasons"] = assessed->reasons;
    data["warnings"] = assessed->warnings;
    return data;
}

// Ordinary channels get a message about what waits for a person, and what failed, without notes.
void AlertOnAction(const char* message, const ActionRow& row, const Step& step, const Assessed* assessed) {
    const std::string event = message;
    const bool known =
        row.state == step.state && row.need == step.need && step.event != std::string("proposed");
    if (event == "action.applied" || (event == "action.pending" && (known || step.need == Need::kHealth)))
        return;
    delivery::Alert alert;
    alert.route_event = "action";
    alert.event = event;
    alert.order_key = "action:" + row.subject;
    alert.severity = event == "action.pending" ? "medium" : "high";
    alert.subject = "action " + std::to_string(row.id) + ", " + row.name + " on " + row.subject;
    alert.headline = event == "action.pending" ? std::string("waits for ") + Name(step.need)
                                               : event.substr(event.find('.') + 1);
    if (row.subject.starts_with("segment:")) alert.segment = row.subject.substr(8);
    if (assessed) alert.sentences = assessed->reasons;
    if (step.state == State::kPending)
        alert.advice = "Look at it in pulse.action; pulse_approve_action(" + std::to_string(row.id) +
                       ") or pulse_dismiss_action(" + std::to_string(row.id) + ") decides.";
    alert.data = DataOf(row, step, assessed);
    alert.data.erase("note");
    alert.except_channel = row.channel.value_or("");
    delivery::RouteAlert(alert);
}

void WriteEvent(const ActionRow& row, const Step& step, const Assessed* assessed) {
    static pg::Statement statement(
        "INSERT INTO pulse.action_event (action_id, at, event, state, needs, actor, decision_id, verdict, attempt,"
        " note) VALUES ($1, $2, $3, $4, nullif($5, ''), $6, nullif($7, 0), $8, $9, $10)",
        {INT8OID, TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT8OID, TEXTOID, INT8OID, TEXTOID});
    statement.Execute({Value::Int8(row.id), Value::Time(pg::Now()), Value::Text(step.event),
                       Value::Text(Name(step.state)), Value::Text(Name(step.need)), Value::Text(step.actor),
                       Value::Int8(assessed ? assessed->gate.id : int64_t{0}),
                       assessed ? Value::Text(Name(assessed->gate.verdict)) : Value::Null(TEXTOID),
                       Value::Int8(step.attempt), Value::Text(step.note)});
}

void WriteState(const ActionRow& row, const Step& step, const Assessed* assessed) {
    static pg::Statement state(
        "UPDATE pulse.action SET state = $2, needs = nullif($3, ''),"
        " finished_at = CASE WHEN $2 IN ('pending', 'approved', 'applying') THEN NULL ELSE $4 END,"
        " attempt = coalesce($5, attempt), retry_at = CASE WHEN $2 <> 'approved' THEN retry_at END WHERE id = $1",
        {INT8OID, TEXTOID, TEXTOID, TIMESTAMPTZOID, INT8OID});
    static pg::Statement decision(
        "UPDATE pulse.action SET decision_id = nullif($2, 0), verdict = $3, score = $4, reasons = $5,"
        " warnings = $6, decided_at = $7 WHERE id = $1",
        {INT8OID, INT8OID, TEXTOID, FLOAT8OID, TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID});
    state.Execute({Value::Int8(row.id), Value::Text(Name(step.state)), Value::Text(Name(step.need)),
                   Value::Time(pg::Now()), Value::Int8(step.attempt)});
    if (assessed)
        decision.Execute({Value::Int8(row.id), Value::Int8(assessed->gate.id),
                          Value::Text(Name(assessed->gate.verdict)), Value::Float8(assessed->gate.score),
                          Value::Texts(assessed->reasons), Value::Texts(assessed->warnings),
                          Value::Time(pg::Now())});
}

// The room that would have carried it out.
void TellKind(const ActionRow& row, const Step& step) {
    if (!step.tells_kind ||
        (step.state != State::kDismissed && step.state != State::kExpired && step.state != State::kFailed))
        return;
    const ActionKind* kind = row.channel ? nullptr : FindActionKind(row.name);
    if (kind && kind->ended) kind->ended(ActionOf(row), Name(step.state), step.actor);
}

[[maybe_unused]] const bool event_names_registered =
    delivery::RegisterEventNames({"action.pending", "action.applied", "action.failed", "action.blocked"});

}  // namespace

ActionRow LockAction(int64_t id) {
    static pg::Statement statement(PULSE_ACTION_COLUMNS, {INT8OID});
    const pg::Result rows = statement.Execute({Value::Int8(id)});
    if (rows.empty())
        throw UserError(sqlstate::kUndefinedObject, "action " + std::to_string(id) + " does not exist", "",
                        "pulse.action lists actions.");
    return ReadAction(rows[0]);
}

std::optional<ActionRow> TryLockAction(int64_t id) {
    static pg::Statement statement(PULSE_ACTION_COLUMNS " SKIP LOCKED", {INT8OID});
    const pg::Result rows = statement.Execute({Value::Int8(id)});
    return rows.empty() ? std::nullopt : std::optional(ReadAction(rows[0]));
}

std::optional<int64_t> LiveActionOf(const std::string& subject) {
    static pg::Statement statement(
        "SELECT id FROM pulse.action WHERE subject = $1 AND state IN ('pending', 'approved', 'applying')",
        {TEXTOID});
    const pg::Result rows = statement.Execute({Value::Text(subject)});
    return rows.empty() ? std::nullopt : std::optional(rows[0].Int8(0));
}

Action ActionOf(const ActionRow& row) {
    return {row.id, row.name, row.subject, row.decision, row.payload};
}

void ThrowSubjectBusy(const std::string& subject, int64_t action) {
    throw UserError(sqlstate::kNotReady,
                    "action " + std::to_string(action) + " of subject \"" + subject + "\" has not ended", "",
                    "A subject has one action at a time: wait for it, or end it with "
                    "pulse_dismiss_action(" +
                        std::to_string(action) + ").");
}

void TakeStep(ActionRow& row, const Step& step, const Assessed* assessed) {
    WriteState(row, step, assessed);
    WriteEvent(row, step, assessed);
    json details = {
        {"action", row.id}, {"name", row.name}, {"state", Name(step.state)}, {"actor", step.actor}};
    if (step.need != Need::kNone) details["needs"] = Name(step.need);
    if (step.note) details["note"] = *step.note;
    if (assessed && assessed->gate.id != 0) details["decision"] = assessed->gate.id;
    audit::Write(("action." + std::string(step.event)).c_str(), row.subject, details);
    if (const char* message = MessageOf(row, step)) {
        delivery::PublishEvent(message, "action:" + row.subject, DataOf(row, step, assessed));
        AlertOnAction(message, row, step, assessed);
    }
    row.state = step.state;
    row.need = step.need;
    if (step.attempt) row.attempt = static_cast<int>(*step.attempt);
    if (step.state == State::kApproved || step.need == Need::kHealth) pg::NotifyLauncher();
    if (IsFinal(step.state)) EndTokens(row.id);
    TellKind(row, step);
}

}  // namespace pulse::trust
