#include "pulse/source/users.hpp"

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
    return users;
}

}  // namespace pulse::source
