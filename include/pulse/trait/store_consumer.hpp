// The order in which consumers see changes of membership. For entry code of this room; needs an open
// pg::Session as pg::Identity::Owner() and a ByIndex.
#pragma once

#include <cstdint>
#include <string>

namespace pulse::trait {

// How many changes a call returns at most.
inline constexpr int kMaxChanges = 100'000;
// What the names of consumers begin with that are subscriptions.
inline constexpr const char* kSubscriptionPrefix = "subscription:";

// The last place that was given.
int64_t LastPosition();

// Changes whose transactions have committed since take their places, in the order of their ids: up to `most`,
// however many are without one. False when somebody else is giving places: without `wait` it is left to them.
bool AssignPositions(int64_t most, bool wait);
// Whether there are changes without a place.
bool HasUnassignedPositions();

// To be called where changes are written that are not quiet: wakes who tells subscriptions of them, when the
// transaction commits.
void NotifySubscriptions();

}  // namespace pulse::trait
