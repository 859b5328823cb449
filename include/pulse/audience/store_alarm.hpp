// What people are told of destinations: a login that ends, a platform that wants something of a person. For
// entry code of this room; needs an open pg::Session as pg::Identity::Owner().
#pragma once

#include "pulse/audience/store_audience.hpp"

namespace pulse::audience {

// The platform takes nothing of this destination before a person has acted: routes and subscriptions are
// told, at most once a day.
void NoteBlocked(const Audience& audience, const std::string& reason, const std::string& advice);
// The platform has flagged this audience.
void TellFlagged(const Audience& audience, const std::string& reason, const std::string& advice);

// When the login ends; nothing: it does not end by time.
void NoteLoginEnd(const std::string& destination, std::optional<Moment> ends);
// Names of destinations with audiences that are to be asked how long their login is good: once a day.
std::vector<std::string> LoginsToAsk();
void NoteLoginAsked(const std::string& destination);

// Tells of logins that end within seven days or have ended, of each at most once a day.
void TellLogins();
// When that is to be looked at next.
Moment NextLoginAlarm();

// Whoever was told that it does not work is told that it does.
void TellItWorks(const std::string& destination);

}  // namespace pulse::audience
