// SQL functions for actions and their limits.
#include <nlohmann/json.hpp>

#include "pulse/base/error.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/interval.hpp"
#include "pulse/trust/store_action.hpp"
#include "pulse/trust/store_automation_job.hpp"

namespace pg = pulse::pg;
namespace trust = pulse::trust;
using nlohmann::json;
using pg::Value;

namespace {

// The columns that all functions return; values are copied, so the session may have ended.
std::vector<Value> RowOf(const trust::ActionRow& row, const trust::Assessed* assessed) {
    const bool waits = row.need != trust::Need::kNone;
    return {row.id == 0 ? Value::Null(INT8OID) : Value::Int8(row.id),
            Value::Text(trust::Name(row.state)),
            waits ? Value::Text(trust::Name(row.need)) : Value::Null(TEXTOID),
            Value::Bool(row.state == trust::State::kApproved),
            assessed ? Value::Text(trust::Name(assessed->gate.verdict)) : Value::Null(TEXTOID),
            assessed ? Value::Float8(assessed->gate.score) : Value::Null(FLOAT8OID),
            Value::Texts(assessed ? assessed->reasons : std::vector<std::string>()),
            Value::Texts(assessed ? assessed->warnings : std::vector<std::string>())};
}

constexpr size_t kLongestNote = 10'000;

// What a person writes is kept in the history, the audit log and messages.
std::optional<std::string> NoteArgument(const pg::Args& args, int i) {
    std::optional<std::string> note = args.Text(i);
    if (note && note->size() > kLongestNote)
        pulse::ThrowInvalid("the reason or comment is too long",
                            "It has " + std::to_string(note->size()) + " bytes.", "Give at most 10,000.");
    return note;
}

std::string RequireReason(const pg::Args& args, int i) {
    const std::string reason = NoteArgument(args, i).value_or("");
    if (reason.find_first_not_of(" \t\r\n") == std::string::npos)
        pulse::ThrowInvalid("a reason is missing", "", "Say why; the audit log keeps it.");
    return reason;
}

trust::Proposal ReadProposal(const pg::Args& args) {
    trust::Proposal proposal;
    proposal.name = args.RequireText(0, "action");
    proposal.subject = args.RequireText(1, "subject");
    proposal.payload = args.Jsonb(2).value_or(json::object());
    proposal.reason = NoteArgument(args, 3);
    proposal.level = trust::ReadLevel(args.Text(4).value_or("approval"));
    proposal.channel = args.Text(5);
    proposal.actor = pg::ActorName();
    proposal.runs_as = pg::CallerName();
    proposal.search_path = pg::CallerSearchPath();
    if (proposal.name == "run_function") {
        trust::CheckPayload(proposal.payload);
        const pg::Session session;
        proposal.payload["function"] = trust::ResolveFunction(proposal.payload);
    }
    return proposal;
}

std::optional<int64_t> SpanArgument(const pg::Args& args, int i) {
    return args.IsNull(i) ? std::nullopt : std::optional(pg::IntervalArgument(args.Raw(i)));
}

Datum ReportOutcome(FunctionCallInfo fcinfo, std::optional<int64_t> id, const std::string& token,
                    const std::string& outcome, const std::optional<std::string>& note,
                    const std::optional<json>& result) {
    pg::ResultSet rows(fcinfo);
    const std::string actor = pg::ActorName();
    const trust::Decided decided = [&] {
        const pg::OwnerSession session;
        return trust::ReportOutcome(id, token, outcome, note, result, actor);
    }();
    rows.Add(RowOf(decided.row, nullptr));
    return pg::ResultSet::Done();
}

}  // namespace

PULSE_FUNCTION(pulse_propose_action) {
    const pg::Args args(fcinfo);
    const bool dry_run = args.Bool(6).value_or(false);
    if (!dry_run) pg::RequireWritable("pulse_propose_action()");
    const trust::Proposal proposal = ReadProposal(args);
    pg::ResultSet rows(fcinfo);
    const trust::Proposed proposed = [&] {
        const pg::OwnerSession session;
        return trust::Propose(proposal, dry_run);
    }();
    std::vector<Value> row = RowOf(proposed.row, &proposed.assessed);
    row.push_back(Value::Text(proposed.token));
    row.push_back(proposed.token ? Value::Time(proposed.token_expires_at) : Value::Null(TIMESTAMPTZOID));
    rows.Add(row);
    return pg::ResultSet::Done();
}

PULSE_WRITING_FUNCTION(pulse_approve_action) {
    const pg::Args args(fcinfo);
    const int64_t id = args.RequireInt8(0, "action");
    const std::string actor = pg::ActorName();
    pg::ResultSet rows(fcinfo);
    const trust::Decided decided = [&] {
        const pg::OwnerSession session;
        return trust::Approve(id, NoteArgument(args, 1), actor);
    }();
    rows.Add(RowOf(decided.row, &decided.assessed));
    return pg::ResultSet::Done();
}

PULSE_WRITING_FUNCTION(pulse_approve_actions) {
    const pg::Args args(fcinfo);
    const std::string actor = pg::ActorName();
    pg::ResultSet rows(fcinfo);
    const std::vector<trust::Decided> all = [&] {
        const pg::OwnerSession session;
        return trust::ApproveAll(NoteArgument(args, 0), actor);
    }();
    for (const trust::Decided& decided : all) rows.Add(RowOf(decided.row, &decided.assessed));
    return pg::ResultSet::Done();
}

PULSE_WRITING_FUNCTION(pulse_dismiss_action) {
    const pg::Args args(fcinfo);
    const int64_t id = args.RequireInt8(0, "action");
    const std::string actor = pg::ActorName();
    const pg::OwnerSession session;
    trust::Dismiss(id, NoteArgument(args, 1), actor);
    PG_RETURN_VOID();
}

PULSE_WRITING_FUNCTION(pulse_request_confirmation) {
    const int64_t id = pg::Args(fcinfo).RequireInt8(0, "action");
    pg::ResultSet rows(fcinfo);
    std::vector<std::string> violations;
    const trust::Token token = [&] {
        const pg::OwnerSession session;
        return trust::RequestConfirmation(id, violations);
    }();
    rows.Add({Value::Text(token.text), Value::Time(token.expires_at), Value::Texts(violations)});
    return pg::ResultSet::Done();
}

PULSE_WRITING_FUNCTION(pulse_confirm_action) {
    const pg::Args args(fcinfo);
    const int64_t id = args.RequireInt8(0, "action");
    const std::string token = args.RequireText(1, "token");
    if (const auto outcome = args.Text(3))
        return ReportOutcome(fcinfo, id, token, *outcome, NoteArgument(args, 2), args.Jsonb(4));
    const std::string reason = RequireReason(args, 2), actor = pg::ActorName();
    pg::ResultSet rows(fcinfo);
    const trust::Decided decided = [&] {
        const pg::OwnerSession session;
        return trust::Confirm(id, token, reason, actor);
    }();
    rows.Add(RowOf(decided.row, &decided.assessed));
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_confirm_outcome) {
    pg::RequireWritable("pulse_confirm_action()");
    const pg::Args args(fcinfo);
    return ReportOutcome(fcinfo, std::nullopt, args.RequireText(0, "token"), args.RequireText(1, "outcome"),
                         std::nullopt, std::nullopt);
}

PULSE_WRITING_FUNCTION(pulse_override_action) {
    const pg::Args args(fcinfo);
    const int64_t id = args.RequireInt8(0, "action");
    const std::string reason = RequireReason(args, 1), actor = pg::ActorName();
    pg::ResultSet rows(fcinfo);
    bool overridden = false;
    const trust::Decided decided = [&] {
        const pg::OwnerSession session;
        return trust::Override(id, reason, actor, overridden);
    }();
    std::vector<Value> row = RowOf(decided.row, &decided.assessed);
    row.push_back(Value::Bool(overridden));
    rows.Add(row);
    return pg::ResultSet::Done();
}

PULSE_WRITING_FUNCTION(pulse_rollback_action) {
    const pg::Args args(fcinfo);
    const int64_t id = args.RequireInt8(0, "action");
    const std::string actor = pg::ActorName();
    const pg::OwnerSession session;
    trust::RollBack(id, NoteArgument(args, 1), actor);
    PG_RETURN_VOID();
}

PULSE_WRITING_FUNCTION(pulse_run_actions) {
    return Int64GetDatum(trust::RunActions().rows.value_or(0));
}

PULSE_WRITING_FUNCTION(pulse_set_enforcement) {
    const pg::Args args(fcinfo);
    trust::EnforcementChange change;
    change.enabled = args.Bool(0);
    change.reason = args.Text(1);
    change.mode = args.Text(2);
    change.risk_modes = args.Jsonb(3);
    change.expire_after = SpanArgument(args, 4);
    change.confirm_within = SpanArgument(args, 5);
    change.max_share = args.Float8(6);
    change.channel = args.Text(7);
    const std::string actor = pg::ActorName();
    const pg::OwnerSession session;
    trust::ChangeEnforcement(change, actor);
    PG_RETURN_VOID();
}

PULSE_WRITING_FUNCTION(pulse_create_enforcement_rule) {
    const pg::Args args(fcinfo);
    const std::string name = args.RequireText(0, "name");
    const std::vector<std::string> actions = args.RequireTexts(1, "actions");
    const json limits = args.RequireJsonb(2, "limits");
    const std::string mode = args.RequireText(3, "mode"), actor = pg::ActorName();
    const pg::OwnerSession session;
    return Int64GetDatum(trust::CreateRule(name, actions, limits, mode, actor));
}

PULSE_WRITING_FUNCTION(pulse_delete_enforcement_rule) {
    const std::string name = pg::Args(fcinfo).RequireText(0, "name");
    const pg::OwnerSession session;
    trust::DeleteRule(name);
    PG_RETURN_VOID();
}
