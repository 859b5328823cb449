// Alarms of destinations: a login that ends, a platform that needs a person to act. For entry code of this
// room; needs an open pg::Session as pg::Identity::Owner().
#pragma once

#include "pulse/audience/store_audience.hpp"

namespace pulse::audience {

// Raises a warning of an audience, which its overview shows, or lifts it.
void SetWarning(int64_t audience, const char* warning, bool raised);

// The platform takes nothing of this destination before a person has acted. Raises the alarm to routes and
// subscriptions, at most once a day.
void NoteBlocked(const Audience& audience, const std::string& reason, const std::string& advice);
// The platform has flagged this audience.
void AlarmFlagged(const Audience& audience, const std::string& reason, const std::string& advice);

// When the login ends; nothing: it does not end by time.
void NoteLoginEnd(const std::string& destination, std::optional<Moment> ends);
// Names of destinations with audiences that are to be asked how long their login is good: once a day.
std::vector<std::string> LoginsToAsk();
void NoteLoginAsked(const std::string& destination);

// Raises an alarm for each login that ends within seven days or has ended, at most once a day.
void AlarmEndingLogins();
// When that is to be looked at next.
Moment NextLoginAlarm();

// Ends the alarms of the destination, where any were raised.
void EndAlarms(const std::string& destination);

}  // namespace pulse::audience
