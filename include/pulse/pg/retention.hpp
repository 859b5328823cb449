// What the job retention deletes. A room registers the rules for its own tables when the library is loaded,
// by its kind of job (job_kind.hpp) or, where it has none, by itself.
#pragma once

#include <cstdint>
#include <vector>

#include "pulse/base/time.hpp"

namespace pulse::pg {

struct RetentionRule {
    int order;                     // the run works and reports in this order
    const char* what;              // what the run calls it; null: it is neither counted nor reported
    const int* minutes = nullptr;  // the setting; 0 keeps for ever. Null: there is none
    const char* sql = nullptr;     // deletes up to $2 rows older than $1; null: `work` does
    int64_t (*work)(Moment before, int64_t rows) = nullptr;  // called until it returns 0
    const bool* enabled = nullptr;                           // a setting: nothing is done while it is off
};

// Returns true, so that a constant can do it.
bool RegisterRetention(const std::vector<RetentionRule>& rules);
// All rules, those of the kinds of jobs included, in their order.
std::vector<RetentionRule> RetentionRules();

}  // namespace pulse::pg
