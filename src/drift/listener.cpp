#include "pulse/drift/listener.hpp"

namespace pulse::drift {

namespace {

constinit IncidentListener current = nullptr;

}  // namespace

bool ListenToIncidents(IncidentListener listener) {
    current = listener;
    return true;
}

void Announce(int64_t incident, int64_t event, const std::string& kind, Moment at) {
    if (current) current(incident, event, kind, at);
}

}  // namespace pulse::drift
