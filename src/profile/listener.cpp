#include "pulse/profile/listener.hpp"

namespace pulse::profile {

namespace {

constinit Listener current;
constinit MoreOfPerson more = nullptr;

}  // namespace

bool Listen(const Listener& listener) {
    current = listener;
    return true;
}

const Listener& Listening() {
    return current;
}

bool DescribeMore(MoreOfPerson describe) {
    more = describe;
    return true;
}

MoreOfPerson DescribedMore() {
    return more;
}

}  // namespace pulse::profile
