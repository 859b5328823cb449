// People whom the next sync looks at. For entry code of this room; needs an open pg::Session as
// pg::Identity::Owner().
#pragma once

#include <cstdint>
#include <vector>

namespace pulse::audience {

// Marks people for every audience that may concern them: they are in its segment, or were sent to it.
// `profiles`: canonical ids or those of profiles of the people.
void MarkPeople(const std::vector<int64_t>& profiles);
// For every audience that these profiles were sent to, whatever its status is: they are deleted.
void MarkSentPeople(const std::vector<int64_t>& profiles);

// Deletes up to `most` marks of an audience and returns their people: what commits later leaves a mark of its
// own.
std::vector<int64_t> TakeMarks(int64_t audience, int64_t most);
// Deletes the marks of these people, who are looked at now.
void DropMarks(int64_t audience, const std::vector<int64_t>& people);

// Writers of events and of consent who may not know of a new audience yet have ended when this returns, and
// others wait until the transaction ends. Throws UserError 55P03, 25001.
void KeepWritersOutOfMarks();

// The position of the newest membership change: what comes later is taken by TakeMembershipChanges().
int64_t LastChangePosition();

// Active audiences some of whose membership changes were deleted before they were taken compare everybody
// with their next sync.
void NoteLostChanges();
// Marks the people of the next membership changes, for all active audiences; false: there are more.
bool TakeMembershipChanges();
// Marks people whose consent has ended by itself since the last call, for an audience.
void MarkEndedConsents(int64_t audience);

}  // namespace pulse::audience
