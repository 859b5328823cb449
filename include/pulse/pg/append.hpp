// Bulk inserts into a partition of one of Pulse's tables, as COPY does: whole pages, without the executor.
#pragma once

#include "pulse/pg/convert.hpp"

namespace pulse::pg {

// One column of the rows. Empty `nulls` mean that no value is null.
struct AppendColumn {
    std::vector<Datum> values;
    std::vector<char> nulls;
};

// Append rows to pulse.`table`, a plain table and a partition of pulse.`parent`. `columns` are all of its
// columns in their order, of equal length and of their types, and meet its NOT NULL constraints. Returns
// false, with nothing done, if there is no such partition or users have added triggers, checks or policies:
// use INSERT into the parent then. A unique violation is the pg::Error 23505. Checks no privileges.
bool Append(const char* parent, const char* table, const std::vector<AppendColumn>& columns);

}  // namespace pulse::pg
