#include "pulse/trait/dependents.hpp"

namespace pulse::trait {

namespace {

constinit UserLister current = nullptr;

}  // namespace

bool ListUsers(UserLister lister) {
    current = lister;
    return true;
}

std::vector<User> OtherUsers() {
    return current ? current() : std::vector<User>();
}

}  // namespace pulse::trait
