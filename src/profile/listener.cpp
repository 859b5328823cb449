#include "pulse/profile/listener.hpp"

#include "pulse/base/listeners.hpp"

namespace pulse::profile {

namespace {

constinit Implementation<Listener> listener_of_changes;
constinit Listeners<int64_t, std::vector<std::string>&> person_details;

}  // namespace

bool RegisterListener(const Listener& listener) {
    return listener_of_changes.Set(listener);
}

const Listener& GetListener() {
    return listener_of_changes.Get();
}

bool RegisterPersonDetails(PersonDetails details) {
    return person_details.Add(details);
}

void AddPersonDetails(int64_t canonical, std::vector<std::string>& objects) {
    person_details.Notify(canonical, objects);
}

}  // namespace pulse::profile
