// The order in which consumers see membership changes. For entry code of this room; needs an open pg::Session
// as pg::Identity::Owner() and ForceIndexPlans.
#pragma once

#include <cstdint>
#include <string>

namespace pulse::trait {

// Maximum number of changes per call.
inline constexpr int kMaxChanges = 100'000;
// Prefix of the names of consumers that are subscriptions.
inline constexpr const char* kSubscriptionPrefix = "subscription:";

// The last assigned position.
int64_t LastPosition();

// Assign positions to committed changes, in the order of their ids, up to `most` of them. False if another
// session is doing it and `wait` is false.
bool AssignPositions(int64_t most, bool wait);
// The same in a process of its own, which commits at once: the transactions of consumers, however long, hold
// nothing that others wait for. In this transaction only if no process is free.
void AssignPositionsAside();
// Whether there are changes without a position.
bool HasUnassignedPositions();

// Wake the delivery of subscriptions when the transaction commits. Call it after writing changes that are not
// quiet.
void NotifySubscriptions();

}  // namespace pulse::trait
