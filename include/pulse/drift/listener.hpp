// Lets a later room listen to changes of incidents. Pure C++.
#pragma once

#include <cstdint>
#include <string>

#include "pulse/base/time.hpp"

namespace pulse::drift {

// Called in the transaction that wrote the line `event` of the timeline of `incident`, of that kind (opened,
// worsened, acknowledged, …), with a pg::Session as pg::Identity::Owner() open.
using IncidentListener = void (*)(int64_t incident, int64_t event, const std::string& kind, Moment at);

// Registers one more listener when the library is loaded; all are called, in the order added. Returns true so
// that a constant's initialiser can call it.
bool ListenToIncidents(IncidentListener listener);
void Announce(int64_t incident, int64_t event, const std::string& kind, Moment at);

}  // namespace pulse::drift
