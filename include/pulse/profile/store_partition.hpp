// Partitions by month, made when they are needed and dropped when they are old. For entry code of this room
// and those after it; needs an open pg::Session as pg::Identity::Owner().
#pragma once

#include "pulse/pg/convert.hpp"

namespace pulse::profile {

// Partitions of pulse.`table` (a name without its schema, range-partitioned by one timestamptz) for rows of
// the moments from `first` to `last`: one per month (UTC), named event_y2026m11, and one, event_before_2000,
// for all that is older. Costs nothing where they are known to be there. Takes locks when it makes some: call
// it before rows are locked.
void EnsurePartitions(const char* table, Moment first, Moment last);
// The same for moments that lie apart.
void EnsurePartitions(const char* table, const std::vector<Moment>& moments);

// Drop the partitions whose rows are all older than `before`; how many. One that others are using waits for
// the next time.
int64_t DropPartitions(const char* table, Moment before);

}  // namespace pulse::profile
