#include "pulse/delivery/member_changes.hpp"

namespace pulse::delivery {

namespace {

constinit MemberReader current;

}  // namespace

bool ReadMembersBy(const MemberReader& reader) {
    current = reader;
    return true;
}

const MemberReader& Members() {
    return current;
}

}  // namespace pulse::delivery
