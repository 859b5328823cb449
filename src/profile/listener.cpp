#include "pulse/profile/listener.hpp"

namespace pulse::profile {

namespace {

constinit Listener current;

}  // namespace

bool Listen(const Listener& listener) {
    current = listener;
    return true;
}

const Listener& Listening() {
    return current;
}

}  // namespace pulse::profile
