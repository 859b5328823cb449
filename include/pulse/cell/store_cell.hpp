// Other databases that should have the same definitions.
#pragma once

#include <string>

#include "pulse/base/run_result.hpp"

namespace pulse::cell {

// Throw UserError 42704 if there is no such source, or the caller has no user mapping for it.
void AddCell(const std::string& source);
// Throws UserError 42704.
void RemoveCell(const std::string& source);

// Ask every cell for its digests and note what differs. `in_worker`: in transactions of its own, none of
// which is open while a cell is asked; otherwise in the caller's transaction.
RunResult CompareCells(bool in_worker);

}  // namespace pulse::cell
