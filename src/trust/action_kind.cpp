#include "pulse/trust/action_kind.hpp"

#include <algorithm>

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

std::vector<std::string> ActionKindNames() {
    std::vector<std::string> names;
    for (const ActionKind& known : ActionKinds()) names.emplace_back(known.name);
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace pulse::trust
