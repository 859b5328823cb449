#include "pulse/delivery/store_message_kind.hpp"

#include <stdexcept>

#include "pulse/base/error.hpp"
#include "pulse/delivery/store.hpp"

namespace pulse::delivery {

namespace {

// Not a plain static variable: a file that registers a kind may be initialised before this one.
std::vector<MessageKind>& MessageKinds() {
    static std::vector<MessageKind> kinds;
    return kinds;
}

}  // namespace

bool RegisterMessageKind(const MessageKind& kind) {
    if (FindMessageKind(kind.name))
        throw std::logic_error(std::string("two kinds of messages are called ") + kind.name);
    MessageKinds().push_back(kind);
    return true;
}

const MessageKind* FindMessageKind(const std::string& name) {
    for (const MessageKind& kind : MessageKinds())
        if (name == kind.name) return &kind;
    return nullptr;
}

std::optional<std::string> Compose(Message& message, const Channel& channel) {
    const MessageKind* kind = FindMessageKind(message.kind);
    if (!kind)
        throw UserError(sqlstate::kNotReady, "a message of kind \"" + message.kind + "\" has no payload",
                        "Messages of this kind must be inserted with their payload.");
    return kind->compose(message, channel);
}

}  // namespace pulse::delivery
