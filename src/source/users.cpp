#include "pulse/source/users.hpp"

#include <algorithm>

#include "pulse/base/listeners.hpp"

namespace pulse::source {

namespace {

constinit Listeners<const std::string&, std::vector<std::string>&> user_listers;

}  // namespace

bool RegisterSourceUsers(SourceUserLister lister) {
    return user_listers.Add(lister);
}

std::vector<std::string> UsersOf(const std::string& source) {
    std::vector<std::string> users;
    user_listers.Notify(source, users);
    std::sort(users.begin(), users.end());  // not in the order in which rooms are linked
    return users;
}

}  // namespace pulse::source
