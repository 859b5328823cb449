#include "pulse/trust/action_kind.hpp"

#include <vector>

namespace pulse::trust {

namespace {

std::vector<ActionKind>& ActionKinds() {
    static std::vector<ActionKind> kinds;
    return kinds;
}

}  // namespace

bool RegisterActionKind(const ActionKind& kind) {
    ActionKinds().push_back(kind);
    return true;
}

const ActionKind* FindActionKind(const std::string& name) {
    for (const ActionKind& known : ActionKinds())
        if (name == known.name) return &known;
    return nullptr;
}

}  // namespace pulse::trust
