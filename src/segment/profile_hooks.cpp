#include "pulse/segment/profile_hooks.hpp"

namespace pulse::segment {

namespace {

constinit ProfileHooks current;

}  // namespace

bool RegisterProfileHooks(const ProfileHooks& kind) {
    current = kind;
    return true;
}

const ProfileHooks& GetProfileHooks() {
    return current;
}

}  // namespace pulse::segment
