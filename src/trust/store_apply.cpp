// Carrying out actions. The decision of the gate, the state of the action, its history and the audit log are
// one transaction: after a crash all of it happened, or nothing.
#include <algorithm>

#include "pulse/base/utf8.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/trust/store_action.hpp"
#include "pulse/trust/store_automation.hpp"

namespace pulse::trust {

namespace {

using nlohmann::json;
using pg::Value;

constexpr int kMostAttempts = 3;
// A function writes its own messages; the history, the audit log and subscriptions all keep them.
constexpr size_t kLongestFailure = 2000;
constexpr int64_t kRetryAfter = kMinute;
// How often a held action is checked.
constexpr int64_t kCheckAgainAfter = kMinute;

struct Failure {
    std::string text;
    bool transient = false;
};

// Calls the kind in a subtransaction: what fails leaves nothing behind.
std::optional<Failure> CarryOut(const ActionRow& row, const ActionKind& kind, json& before, json& result) {
    const Action action = ActionOf(row);
    try {
        pg::Subtransaction subtransaction;
        {
            const pg::Session session;
            if (kind.state_before) kind.state_before(action, before);
            kind.carry_out(action, result);
        }
        subtransaction.Commit();
        return std::nullopt;
    } catch (const pg::Error& error) {
        if (pg::MeantForAll(error)) throw;
        const std::string state = error.State();
        return Failure{Shorten(error.message, kLongestFailure),
                       sqlstate::IsLockFailure(state) || state.starts_with("40") || state.starts_with("53") ||
                           state.starts_with("57")};
    } catch (const UserError& error) {
        return Failure{
            Shorten(error.message() + (error.detail().empty() ? "" : ": " + error.detail()), kLongestFailure),
            sqlstate::IsLockFailure(error.state())};
    }
}

void CheckAgain(const ActionRow& row, int64_t after) {
    static pg::Statement statement("UPDATE pulse.action SET retry_at = $2 WHERE id = $1",
                                   {INT8OID, TIMESTAMPTZOID});
    statement.Execute({Value::Int8(row.id), Value::Time(pg::Now() + after)});
}

void Begin(ActionRow& row, const Assessed& assessed) {
    static pg::Statement statement(
        "UPDATE pulse.action SET applied_at = $2, retry_at = NULL, error = NULL WHERE id = $1",
        {INT8OID, TIMESTAMPTZOID});
    row.decision = assessed.gate.id;
    statement.Execute({Value::Int8(row.id), Value::Time(pg::Now())});
    TakeStep(
        row,
        {.event = "applying", .state = State::kApplying, .actor = kPulseItself, .attempt = row.attempt + 1},
        &assessed);
}

void Finish(ActionRow& row, const std::optional<Failure>& failure, const json& before, const json& result) {
    static pg::Statement done(
        "UPDATE pulse.action SET state_before = $2, result = $3, error = $4,"
        " applied_at = CASE WHEN $4 IS NULL THEN applied_at END WHERE id = $1",
        {INT8OID, JSONBOID, JSONBOID, TEXTOID});
    const auto or_null = [](const json& value) {
        return value.is_null() ? Value::Null(JSONBOID) : Value::Jsonb(value);
    };
    done.Execute({Value::Int8(row.id), failure ? Value::Null(JSONBOID) : or_null(before),
                  failure ? Value::Null(JSONBOID) : or_null(result),
                  failure ? Value::Text(failure->text) : Value::Null(TEXTOID)});
    if (failure && failure->transient && row.attempt < kMostAttempts) {
        TakeStep(
            row,
            {.event = "retried", .state = State::kApproved, .actor = kPulseItself, .note = failure->text},
            nullptr);
        CheckAgain(row, kRetryAfter);
        return;
    }
    TakeStep(row,
             {.event = failure ? "failed" : "applied",
              .state = failure ? State::kFailed : State::kApplied,
              .actor = kPulseItself,
              .note = failure ? std::optional(failure->text) : std::nullopt},
             nullptr);
}

bool EndAction(ActionRow& row, const char* event, State state, const std::string& note) {
    pg::Execute("UPDATE pulse.action SET error = $2 WHERE id = $1", {Value::Int8(row.id), Value::Text(note)});
    TakeStep(row, {.event = event, .state = state, .actor = kPulseItself, .note = note}, nullptr);
    return true;
}

// What does not pass stays or becomes pending; an unchanged state is no step.
bool KeepWaiting(ActionRow& row, const Assessed& assessed) {
    static pg::Statement end_override("UPDATE pulse.action SET overridden_at = NULL WHERE id = $1",
                                      {INT8OID});
    CheckAgain(row, kCheckAgainAfter);
    // An override is for the hold that a person saw.
    if (row.overridden && assessed.gate.verdict == Verdict::kBlock)
        end_override.Execute({Value::Int8(row.id)});
    const Course course = assessed.course;
    if (row.state == course.state && row.need == course.need) return false;
    TakeStep(row,
             {.event = course.state == State::kDismissed          ? "dismissed"
                       : assessed.gate.verdict == Verdict::kBlock ? "blocked"
                                                                  : "held",
              .state = course.state,
              .need = course.need,
              .actor = kPulseItself},
             &assessed);
    return true;
}

std::vector<int64_t> Ids(const pg::Result& rows) {
    std::vector<int64_t> ids;
    for (uint64_t i = 0; i < rows.size(); ++i) ids.push_back(rows[i].Int8(0));
    return ids;
}

}  // namespace

bool ApplyNow(int64_t id) {
    std::optional<ActionRow> found = TryLockAction(id);
    if (!found) return false;
    ActionRow& row = *found;
    const bool held = row.state == State::kPending && row.need == Need::kHealth;
    if ((row.state != State::kApproved && !held) || WhyFrozen(row.risk)) return false;
    if (row.expires_at <= pg::Now())
        return EndAction(row, "expired", State::kExpired, "it waited for too long");
    if (row.automation)
        if (const auto why = WhyStopped(*row.automation))
            return EndAction(row, "dismissed", State::kDismissed, *why);
    const Enforcement enforcement = LoadEnforcement();
    // Looking costs no decision; only what may go on is decided.
    Assessed assessed = Assess(row, enforcement, held);
    if (held && assessed.course.state == State::kApproved) assessed = Assess(row, enforcement, false);
    if (assessed.course.state != State::kApproved) return KeepWaiting(row, assessed);
    Begin(row, assessed);
    if (row.channel) {
        QueueWebhook(row);
        return true;
    }
    json before, result = json::object();
    const ActionKind* kind = FindActionKind(row.name);
    const std::optional<Failure> failure =
        kind ? CarryOut(row, *kind, before, result)
             : std::optional(Failure{"this version of Pulse cannot carry out " + row.name});
    Finish(row, failure, before, result);
    return true;
}

std::vector<int64_t> ActionsToApply(int64_t limit) {
    // What may not move does not stand before what may: a freeze lets pass what stops things.
    static pg::Statement statement(
        "SELECT id FROM pulse.action WHERE (state = 'approved' OR state = 'pending' AND needs = 'health')"
        " AND coalesce(retry_at, $1) <= $1 AND (NOT $3 OR risk = 'always' OR expires_at <= $1)"
        " ORDER BY risk <> 'always', id LIMIT $2",
        {TIMESTAMPTZOID, INT8OID, BOOLOID});
    return Ids(statement.Execute(
        {Value::Time(pg::Now()), Value::Int8(limit), Value::Bool(WhyFrozen("").has_value())}));
}

void PostponeAction(int64_t id, const std::string& why) {
    static pg::Statement statement(
        "UPDATE pulse.action SET retry_at = $2, error = $3 WHERE id = $1 AND state IN ('pending', 'approved',"
        " 'applying')",
        {INT8OID, TIMESTAMPTZOID, TEXTOID});
    statement.Execute(
        {Value::Int8(id), Value::Time(pg::Now() + kRetryAfter), Value::Text(Shorten(why, kLongestFailure))});
}

std::vector<int64_t> ExpiredActions(int64_t limit) {
    // Those that could not be ended come last.
    static pg::Statement statement(
        "SELECT id FROM pulse.action WHERE state IN ('pending', 'approved', 'applying') AND expires_at <= $1"
        " ORDER BY coalesce(retry_at, $1) > $1, expires_at LIMIT $2",
        {TIMESTAMPTZOID, INT8OID});
    return Ids(statement.Execute({Value::Time(pg::Now()), Value::Int8(limit)}));
}

bool ExpireAction(int64_t id) {
    std::optional<ActionRow> row = TryLockAction(id);
    if (!row || IsFinal(row->state) || row->expires_at > pg::Now()) return false;
    if (row->state != State::kApplying)
        return EndAction(*row, "expired", State::kExpired, "it waited for too long");
    CancelWebhook(*row, "the action has expired");
    return EndAction(*row, "failed", State::kFailed, "nobody confirmed it in time");
}

void EndOldTokens() {
    static pg::Statement statement("DELETE FROM pulse.action_token WHERE expires_at <= $1", {TIMESTAMPTZOID});
    statement.Execute({Value::Time(pg::Now())});
}

std::optional<Moment> NextActionDue() {
    static pg::Statement statement(
        "SELECT least(min(expires_at), min(coalesce(retry_at, created_at)) FILTER (WHERE state = 'approved'"
        " OR needs = 'health')) FROM pulse.action WHERE state IN ('pending', 'approved', 'applying')",
        {});
    return statement.Execute({})[0].TimeOrNull(0);
}

}  // namespace pulse::trust
