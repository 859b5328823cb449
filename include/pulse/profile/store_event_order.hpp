// Closed months of pulse.event in the order of people: copied beside, compared, swapped. For entry code of
// this room; each function needs an open pg::Session as pg::Identity::Owner(), in a short transaction of its
// own.
#pragma once

#include <optional>
#include <string>

#include "pulse/base/time.hpp"
#include "pulse/pg/relation_lock.hpp"

namespace pulse::profile {

// The copy of a partition of pulse.event: event_copy_y2026m11.
std::string CopyName(const std::string& partition);

// A table of schema pulse as SQL, and the bounds of a month's partition.
std::string TableOf(const std::string& name);
std::string BoundsOf(int month);
// The month of a partition of pulse.event; none if it is not one any more.
std::optional<int> MonthOfPartition(const std::string& partition);
// Lock it, or throw UserError 55P03: nothing that begins later shall find it locked for longer than a moment.
void NeedTable(const std::string& table, pg::TableLock lock);

// An empty copy of a month, with the columns, indexes and storage of the table `like`.
void MakeCopy(int month, const std::string& partition, const std::string& like);
// The end of the next range of people of about `rows` events.
int64_t NextEnd(const std::string& table, int64_t from, int64_t rows);
// Put the copy in the place of a month. All is locked.
void PutCopyInPlace(int month, const std::string& partition);

// Why a copy must not take the place of a partition; empty if it may. Whatever a copy would not have, or
// would disturb.
std::string WhyNotReplaced(const std::string& partition);
// Why what was begun cannot go on; empty if it can.
std::string WhyNotFurther(const std::string& partition);
// Why it is not worth it to order a month; empty if it is.
std::string WhyNotWorthIt(const std::string& partition);

// What is to be done next for a month.
struct MonthWork {
    enum class Step { kNone, kFreeze, kCopy, kCompare, kSwap };
    Step step = Step::kNone;
    std::string partition;
    int64_t done_to = 0;
};

// When there is work; pg::kNever for no month that is known.
Moment NextOrderDue();

// Drop copies and triggers that no month being ordered has: a restored dump brought them, perhaps one that is
// being restored now, so they go after a day. Returns whether some are left.
bool DropUnknownCopies();
// Find the month to work on: the one that is begun, else the newest that has ended. Begins it if it is to be
// ordered. Gives up what was begun and cannot go on.
MonthWork NextMonthWork();
// The month that would be begun could not be: it is tried again after a week.
void NoteNotBegun(const std::string& reason);
// Copy the events of the next people.
void CopyPeople(const MonthWork& work);
// Compare the copies of the next people with their originals.
void ComparePeople(const MonthWork& work);
// Add some of what arrived meanwhile to the copy. Returns whether there may be more. Throws UserError XX001
// if it is not in the month any more.
bool AddLate(const MonthWork& work);
// Whether nobody can need a row of the copy to be invisible: all of them are frozen.
bool IsFrozen(const MonthWork& work);
// Put the copy in the place of the month. False if it has to be tried again: somebody works with the month,
// or it has changed.
bool SwapMonth(const MonthWork& work);
// The month is not to be ordered, and is frozen now.
void NoteFrozen(const MonthWork& work);
// Look again after a minute, or give up when that has gone on for days.
void WaitForOthers(const MonthWork& work);
// Drop the copy; the month is tried again after `pause`.
void GiveUp(const std::string& partition, const std::string& reason, int64_t pause);

}  // namespace pulse::profile
