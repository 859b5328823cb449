#include "pulse/profile/listener.hpp"

namespace pulse::profile {

namespace {

constinit Listener current;
constinit PersonDetails more = nullptr;

}  // namespace

bool RegisterListener(const Listener& listener) {
    current = listener;
    return true;
}

const Listener& GetListener() {
    return current;
}

bool RegisterPersonDetails(PersonDetails describe) {
    more = describe;
    return true;
}

PersonDetails GetPersonDetails() {
    return more;
}

}  // namespace pulse::profile
