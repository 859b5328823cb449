// Inserts into Pulse's tables as COPY does: whole pages, without the executor.
#pragma once

#include "pulse/pg/convert.hpp"

namespace pulse::pg {

// One column of the rows. Empty `nulls` mean that no value is null.
struct AppendColumn {
    std::vector<Datum> values;
    std::vector<char> nulls;
};

// Append rows to pulse.`table`, a plain table and a partition of pulse.`parent`; null: no partition.
// `columns` are all of its columns in their order, of equal length and of their types, and meet its NOT NULL
// constraints. Returns false, with nothing done, if there is no such partition or users have added triggers,
// checks or policies: use INSERT into the parent then. A unique violation is the pg::Error 23505. Checks no
// privileges.
bool Append(const char* parent, const char* table, const std::vector<AppendColumn>& columns);

// Whether Append() would append rows of so many columns to that partition. Locks both as Append() does.
bool CanAppend(const char* parent, const char* table, size_t columns);

// Write new versions of rows of pulse.`table`, a plain table, found by their first column, a bigint with the
// unique index `index`. `columns` as above. Returns the places of the rows that are not written, because they
// are not there, others have changed them, or an executor is needed: use INSERT … ON CONFLICT DO UPDATE for
// them.
std::vector<size_t> Replace(const char* table, const char* index, const std::vector<AppendColumn>& columns);

// The next values of a sequence in schema pulse. Checks no privileges.
std::vector<int64_t> NextValues(const char* sequence, size_t count);

}  // namespace pulse::pg
