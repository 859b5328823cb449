// The rows of pulse.action and what happens to them. For entry code. All functions need an open pg::Session
// as pg::Identity::Owner().
#pragma once

#include <nlohmann/json.hpp>

#include "pulse/pg/spi.hpp"
#include "pulse/trust/action.hpp"
#include "pulse/trust/action_kind.hpp"
#include "pulse/trust/store_enforcement.hpp"
#include "pulse/trust/store_gate.hpp"

namespace pulse::trust {

// The name of what acts without a person.
inline constexpr const char* kPulseItself = "pulse";

struct ActionRow {
    int64_t id = 0;
    std::string name, subject, gate_subject;
    nlohmann::json payload = nlohmann::json::object();
    std::optional<std::string> reason;
    std::string risk;
    Level level = Level::kApproval;
    State state = State::kPending;
    Need need = Need::kNone;
    std::optional<std::string> channel;
    std::optional<int64_t> automation;
    std::optional<double> share;
    int64_t decision = 0;
    int attempt = 0;
    bool approved = false, confirmed = false, overridden = false;
    Moment created_at = 0, expires_at = 0;
    std::optional<Moment> applied_at;
    nlohmann::json state_before;  // null: none
    std::string runs_as, search_path;
};

// ---- store_action.cpp ----

// Locks the row. Throws UserError 42704.
ActionRow LockAction(int64_t id);
// Empty if another session handles it, or it does not exist.
std::optional<ActionRow> TryLockAction(int64_t id);
// The action of a subject that has not ended.
std::optional<int64_t> LiveActionOf(const std::string& subject);
// What the functions of its kind get.
Action ActionOf(const ActionRow& row);
[[noreturn]] void ThrowSubjectBusy(const std::string& subject, int64_t action);

// One step: state and needs of the row, its history, the audit log, and messages to subscriptions.
struct Step {
    const char* event = nullptr;
    State state = State::kPending;
    Need need = Need::kNone;
    std::string actor;
    std::optional<std::string> note = {};
    std::optional<int64_t> attempt = {};
    bool tells_kind = true;  // the room that carries it out, when it ends without that
};
// Takes it: `row` has the new state afterwards. `assessed`: what it is based on; null: no decision of the
// gate.
struct Assessed;
void TakeStep(ActionRow& row, const Step& step, const Assessed* assessed);

// ---- store_assess.cpp ----

// The decision of the gate, the limits, and what follows from them.
struct Assessed {
    GateDecision gate;
    Course course;
    std::vector<std::string> reasons, warnings;  // why it waits; what does not stop it
    bool violated = false;
};
// Asks the gate and the limits now. `dry_run` writes no decision.
Assessed Assess(const ActionRow& row, const Enforcement& enforcement, bool dry_run);

// ---- store_propose.cpp ----

// An action that somebody wants.
struct Proposal {
    std::string name, subject, gate_subject;  // no gate_subject: the subject
    nlohmann::json payload = nlohmann::json::object();
    std::optional<std::string> reason, channel;
    Level level = Level::kApproval;
    std::optional<int64_t> automation;
    std::optional<double> share;
    std::string actor, runs_as, search_path;
};
struct Proposed {
    ActionRow row;  // without id after a dry run
    Assessed assessed;
    std::optional<std::string> token;
    Moment token_expires_at = 0;
};
// Checks, judges and queues it. Throws UserError.
Proposed Propose(const Proposal& proposal, bool dry_run);
// What can be checked of an action before it is proposed: its name, its subject and its channel, which it
// returns (empty: Pulse itself carries it out). Throws UserError.
std::optional<std::string> CheckAction(const std::string& name, const std::string& subject,
                                       const std::optional<std::string>& channel,
                                       const Enforcement& enforcement);
// Throws UserError 22023, 54000.
void CheckPayload(const nlohmann::json& payload);

// ---- store_approve.cpp ----

// These return what becomes of the action.
struct Decided {
    ActionRow row;
    Assessed assessed;
};
Decided Approve(int64_t id, const std::optional<std::string>& comment, const std::string& actor);
std::vector<Decided> ApproveAll(const std::optional<std::string>& comment, const std::string& actor);
void Dismiss(int64_t id, const std::optional<std::string>& reason, const std::string& actor);
// `overridden`: whether the hold was.
Decided Override(int64_t id, const std::string& reason, const std::string& actor, bool& overridden);
void RollBack(int64_t id, const std::optional<std::string>& reason, const std::string& actor);

// ---- store_confirm.cpp ----

struct Token {
    std::string text;
    Moment expires_at = 0;
};
// Makes a token; earlier ones of this purpose end, unless it is for an outcome.
Token NewToken(int64_t action, const char* purpose, int attempt, Moment expires_at);
void EndTokens(int64_t action);
Token RequestConfirmation(int64_t id, std::vector<std::string>& violations);
Decided Confirm(int64_t id, const std::string& token, const std::string& reason, const std::string& actor);
// No id: the token says which action.
Decided ReportOutcome(std::optional<int64_t> id, const std::string& token, const std::string& outcome,
                      const std::optional<std::string>& note, const std::optional<nlohmann::json>& result,
                      const std::string& actor);

// ---- store_apply.cpp ----

// Decides about an approved or held action now, and carries it out if nothing speaks against it. Returns
// whether anything changed.
bool ApplyNow(int64_t id);
// Approved actions, and held ones that are to be looked at again.
std::vector<int64_t> ActionsToApply(int64_t limit);
// For an action whose handling failed: it is not looked at for a while, so that it keeps no other waiting.
void PostponeAction(int64_t id, const std::string& why);
// Actions that have waited for too long.
std::vector<int64_t> ExpiredActions(int64_t limit);
// Ends one of them; returns whether anything changed.
bool ExpireAction(int64_t id);
void EndOldTokens();
// When there is something to do.
std::optional<Moment> NextActionDue();

// ---- store_webhook.cpp ----

// Queues the message of an action that begins to be applied.
void QueueWebhook(const ActionRow& row);
// Takes back the message of an attempt that has not left; whether it could be taken back.
void CancelWebhook(const ActionRow& row, const std::string& reason);
bool IsWebhook(const std::string& channel);

// ---- store_action_kinds.cpp ----

// The qualified name of a function that takes a jsonb, as the calling role sees it. Needs a pg::Session with
// the caller's rights. Throws UserError 42704, 42501, 22023.
std::string ResolveFunction(const nlohmann::json& payload);

}  // namespace pulse::trust
