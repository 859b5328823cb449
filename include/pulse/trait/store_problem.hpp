// Evaluating something for one person, whose data can make it fail. For entry code.
#pragma once

#include "pulse/pg/subtransaction.hpp"
#include "pulse/trait/store_unsettled.hpp"

namespace pulse::trait {

// Run `evaluate`, and return why it fails for the person; empty if it does not. While PostgreSQL runs a plan
// in parallel, it allows no subtransactions, and the error is raised. `can_fail`: false saves the
// subtransaction, which costs more than most rules.
template <typename Evaluate>
std::string ProblemOf(int64_t person, bool can_fail, Evaluate evaluate) {
    if (!can_fail || IsInParallelMode()) {
        evaluate();
        return "";
    }
    try {
        pg::Subtransaction apart;
        evaluate();
        apart.Commit();
        return "";
    } catch (...) {
        return DescribeFailure(person, "").message;
    }
}

}  // namespace pulse::trait
