// People for whom an evaluation fails. They are set aside, so that they do not stop others, and tried again.
// For entry code of this room; needs an open pg::Session as pg::Identity::Owner().
#pragma once

#include <string>
#include <vector>

#include "pulse/base/time.hpp"

namespace pulse::trait {

// Why an evaluation failed.
struct Failure {
    int64_t profile = 0;
    std::string state;  // SQLSTATE
    std::string part;   // what failed: segment "…", metric …
    std::string message;
};

// Describe the exception being handled, after the subtransaction that it ended. Throws it again if it
// concerns the transaction rather than a person.
Failure DescribeFailure(int64_t profile, std::string part);

// Set people aside, or count one more attempt. The pipeline is woken for the next one.
void SetAside(const std::vector<Failure>& failures);
// Forget people who have been evaluated completely, or are gone.
void ForgetUnsettled(const std::vector<int64_t>& profiles);
// The people whose next attempt is due, at most `limit`.
std::vector<int64_t> UnsettledDue(Moment now, int64_t limit);
// Try all of them again now: the definitions have changed.
void RetryUnsettled();

}  // namespace pulse::trait
