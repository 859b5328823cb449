#include "pulse/profile/consent_listener.hpp"

#include "pulse/base/listeners.hpp"

namespace pulse::profile {

namespace {

constinit Listeners<const std::vector<int64_t>&> consent_listeners;

}  // namespace

bool ListenToConsent(ConsentListener listener) {
    return consent_listeners.Add(listener);
}

void AnnounceConsent(const std::vector<int64_t>& people) {
    consent_listeners.Notify(people);
}

}  // namespace pulse::profile
