#include "pulse/profile/details_listener.hpp"

#include <algorithm>

namespace pulse::profile {

namespace {

std::vector<DetailsListener>& DetailsListeners() {
    static std::vector<DetailsListener> listeners;
    return listeners;
}

}  // namespace

bool ListenToDetails(const DetailsListener& listener) {
    DetailsListeners().push_back(listener);
    return true;
}

bool DetailsWanted() {
    const std::vector<DetailsListener>& all = DetailsListeners();
    return std::any_of(all.begin(), all.end(),
                       [](const DetailsListener& listener) { return listener.wanted(); });
}

void AnnounceDetails(const std::vector<int64_t>& profiles) {
    if (profiles.empty()) return;
    for (const DetailsListener& listener : DetailsListeners())
        if (listener.wanted()) listener.changed(profiles);
}

}  // namespace pulse::profile
