// Queries whose results are recorded as signals. For entry code.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pulse/base/time.hpp"

namespace pulse::trust {

struct SignalQuery {
    int64_t id = 0;
    std::string name, query, source, entity;
    std::string role, search_path;
};

// Checks and runs it once. With the caller's rights.
int64_t CreateSignalQuery(SignalQuery query, int64_t every);
// Throws UserError 42704, and 55P03 if it is running.
int RunSignalQuery(const std::string& name);
void DeleteSignalQuery(const std::string& name);

// Runs those that are due: in a worker each in a transaction of its own. Returns how many ran.
int64_t RunDueSignalQueries(bool in_worker);

}  // namespace pulse::trust
