#include "pulse/segment/profile_hooks.hpp"

namespace pulse::segment {

namespace {

constinit ProfileKind current;

}  // namespace

bool HandleProfiles(const ProfileKind& kind) {
    current = kind;
    return true;
}

const ProfileKind& Profiles() {
    return current;
}

}  // namespace pulse::segment
