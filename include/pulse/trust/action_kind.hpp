// Kinds of actions that Pulse itself carries out, such as sync_audience. Other names of actions leave as a
// signed webhook and are confirmed back. Pure C++.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace pulse::trust {

struct Action {
    int64_t id = 0;
    std::string name;      // sync_audience
    std::string subject;   // audience:newsletter
    int64_t decision = 0;  // of the gate, the fence of this attempt
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
};

// When the library is loaded. Returns true, so that a constant can do it.
bool RegisterActionKind(const ActionKind& kind);
const ActionKind* FindActionKind(const std::string& name);

}  // namespace pulse::trust
