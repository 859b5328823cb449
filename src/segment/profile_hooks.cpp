#include "pulse/segment/profile_hooks.hpp"

#include "pulse/base/listeners.hpp"

namespace pulse::segment {

namespace {

constinit Implementation<ProfileHooks> profile_hooks;

}  // namespace

bool RegisterProfileHooks(const ProfileHooks& kind) {
    return profile_hooks.Set(kind);
}

const ProfileHooks& GetProfileHooks() {
    return profile_hooks.Get();
}

}  // namespace pulse::segment
