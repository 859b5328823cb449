// Many rows into one table of ours, as COPY puts them there: pages at once, no executor.
#pragma once

#include "pulse/pg/convert.hpp"

namespace pulse::pg {

// One column of the rows. `nulls` may be empty: none is null.
struct AppendColumn {
    std::vector<Datum> values;
    std::vector<char> nulls;
};

// Put rows into the plain table pulse.`table`; `columns` are all of its columns in their order, equally long,
// of their types and as its NOT NULL constraints want them. False, with nothing done, when there is no such
// table or it has triggers, checks or policies of somebody else's: INSERT does it then. A unique violation is
// the pg::Error 23505. Checks no privilege.
bool Append(const char* table, const std::vector<AppendColumn>& columns);

}  // namespace pulse::pg
