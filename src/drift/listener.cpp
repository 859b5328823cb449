#include "pulse/drift/listener.hpp"

#include "pulse/base/listeners.hpp"

namespace pulse::drift {

namespace {

constinit Listeners<int64_t, int64_t, const std::string&, Moment> incident_listeners;

}  // namespace

bool ListenToIncidents(IncidentListener listener) {
    return incident_listeners.Add(listener);
}

void Announce(int64_t incident, int64_t event, const std::string& kind, Moment at) {
    incident_listeners.Notify(incident, event, kind, at);
}

}  // namespace pulse::drift
