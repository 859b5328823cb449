#include "pulse/delivery/member_changes.hpp"

#include "pulse/base/listeners.hpp"

namespace pulse::delivery {

namespace {

constinit Implementation<MemberReader> member_reader;

}  // namespace

bool ImplementMembers(const MemberReader& reader) {
    return member_reader.Set(reader);
}

const MemberReader& Members() {
    return member_reader.Get();
}

}  // namespace pulse::delivery
