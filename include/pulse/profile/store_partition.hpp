// Monthly partitions, created when they are needed and dropped when they are old. For entry code of this room
// and those after it; needs an open pg::Session as pg::Identity::Owner().
#pragma once

#include <map>
#include <set>
#include <string>

#include "pulse/pg/convert.hpp"

namespace pulse::profile {

// Create the partitions of pulse.`table` (a name without schema, range-partitioned by one timestamptz) for
// rows from `first` to `last`: one per month (UTC), named event_y2026m11, and event_before_2000 for all
// earlier moments. Costs nothing if they are known to exist. Locks the table as INSERT does, so that they
// stay partitions until the transaction ends: call it before rows are locked. Throws UserError 55000 if a
// partition was detached and its table is still there.
void EnsurePartitions(const char* table, Moment first, Moment last);
// The same for separate moments.
void EnsurePartitions(const char* table, const std::vector<Moment>& moments);
// The same, but returns the months, as MonthOf(), whose partition was detached.
std::set<int> DetachedMonths(const char* table, const std::vector<Moment>& moments);

// The partitions of a table by month, as MonthOf().
std::map<int, std::string> PartitionsOf(const char* table);

// Drop the partitions whose rows are all older than `before`. Returns the number dropped. Skips partitions
// that are in use; the next call drops them.
int64_t DropPartitions(const char* table, Moment before);

}  // namespace pulse::profile
