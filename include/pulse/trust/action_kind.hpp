// Kinds of actions that Pulse itself carries out, such as sync_audience, and how a later room proposes one
// that waits for a person. Other names of actions leave as a signed webhook and are confirmed back.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace pulse::trust {

struct Action {
    int64_t id = 0;
    std::string name;      // sync_audience
    std::string subject;   // audience:newsletter
    int64_t decision = 0;  // of the gate, the fence of this attempt
    nlohmann::json payload = nlohmann::json::object();
};

// The functions are called in the transaction that claims the action, with a pg::Session as
// pg::Identity::Owner() open.
struct ActionKind {
    const char* name = nullptr;
    const char* subject_kind = nullptr;  // the kind of subject that it needs
    // Does it, or hands it to the room's own queue. Adds what the row of the action keeps about it to
    // `result`.
    void (*carry_out)(const Action& action, nlohmann::json& result) = nullptr;
    // The state before, which a rollback needs; null: nothing to keep.
    void (*state_before)(const Action& action, nlohmann::json& state) = nullptr;
    // Restores that state; null: it cannot be rolled back.
    void (*roll_back)(const Action& action, const nlohmann::json& state) = nullptr;
    // Is told that the action has ended and is never carried out: `state` is dismissed, expired or failed.
    // In the transaction that ends it, and not for what EndProposed() ends. Null: nobody cares.
    void (*ended)(const Action& action, const std::string& state, const std::string& actor) = nullptr;
};

// When the library is loaded. Returns true, so that a constant can do it.
bool RegisterActionKind(const ActionKind& kind);
const ActionKind* FindActionKind(const std::string& name);
// Their names, sorted.
std::vector<std::string> ActionKindNames();

// ---- store_propose_waiting.cpp; needs a pg::Session as pg::Identity::Owner() ----

// What a room wants to do and a person must approve first.
struct WaitingProposal {
    std::string name, subject;  // of a registered kind: sync_audience, audience:newsletter
    nlohmann::json payload = nlohmann::json::object();  // {"run": 12}, which carry_out and ended get
    std::string reason;                                 // for the person, in a sentence
    std::optional<double> share;                        // of the people that it moves at once
};
// The id of the action, which waits for pulse_approve_action() or pulse_dismiss_action(); the same one as
// long as the subject has an action of this name and payload that has not ended. Once it is approved the job
// automations asks the gate and the limits, and calls carry_out. Empty: everything is frozen, or the subject
// has another action that has not ended; try again later. Throws UserError as pulse_propose_action() does.
std::optional<int64_t> ProposeWaiting(const WaitingProposal& proposal);
// Ends such an action that nobody needs any more. False: it has ended, or is being carried out.
bool EndProposed(int64_t action, const std::string& reason);

}  // namespace pulse::trust
