// Kinds of messages that are composed when they are due, from the current state of their subject. A room that
// sends such messages registers their kind when the library is loaded. Messages of any other kind (an event,
// a test) are inserted into the outbox with their payload. For entry code.
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
    // Fills and saves payload, event, state and thread; folds other due messages into this one. Returns the
    // reason if there is nothing to send any more: the message is cancelled with it. An exception ends only
    // this message.
    std::optional<std::string> (*compose)(Message& message, const Channel& channel) = nullptr;
    // Called when messages of this kind, and those folded into them, have ended; pulse.outbox has their
    // status. Null: nothing to do then.
    void (*ended)(const std::vector<int64_t>& ids) = nullptr;
    // Fills the attachments of a composed message, the same in all attempts. Null: it has none.
    void (*attach)(Message& message, const Channel& channel) = nullptr;
};

// Returns true, so that the initialiser of a constant can call it. Throws if the name is taken.
bool RegisterMessageKind(const MessageKind& kind);

// Null if the kind is not registered: its messages are inserted with their payload.
const MessageKind* FindMessageKind(const std::string& name);

// Calls compose() of the message's kind. Throws UserError 55000 if the kind is not registered.
std::optional<std::string> Compose(Message& message, const Channel& channel);

}  // namespace pulse::delivery
