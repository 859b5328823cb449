// Kinds of messages that are written when they are due, from what their subject is by then. A room that sends
// such messages registers their kind when the library is loaded. Messages of any other kind (an event, a
// test) enter the outbox with their payload. For entry code.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace pulse::delivery {

struct Channel;
struct Message;

// Both functions are called with a pg::Session as pg::Identity::Owner() open, in the worker's transaction.
struct MessageKind {
    const char* name = nullptr;  // pulse.outbox.kind
    // Fills and saves payload, event, state and thread; folds other due messages into this one. Returns why
    // there is nothing to send any more, if so. What it throws ends this message alone.
    std::optional<std::string> (*compose)(Message& message, const Channel& channel) = nullptr;
    // Messages of this kind have ended, and those folded into them: pulse.outbox says how.
    void (*ended)(const std::vector<int64_t>& ids) = nullptr;
};

// Returns true, so that a constant can do it. Throws when the name is taken.
bool RegisterMessageKind(const MessageKind& kind);

// Null: messages of this kind have a payload from the beginning.
const MessageKind* FindMessageKind(const std::string& name);

// By the kind of the message. Throws UserError 55000 when its kind is not registered.
std::optional<std::string> Compose(Message& message, const Channel& channel);

}  // namespace pulse::delivery
