#include "pulse/audience/size_check.hpp"

#include <algorithm>
#include <cmath>

#include "pulse/base/number.hpp"

namespace pulse::audience {

namespace {

std::string Size(int64_t low, int64_t high) {
    return low == high ? Thousands(low) : Thousands(low) + " to " + Thousands(high);
}

}  // namespace

SizeVerdict CheckSize(const SizeCounts& counts) {
    SizeVerdict verdict;
    if (counts.tolerance <= 0 || counts.people < std::max<int64_t>(1, counts.least) ||
        (!counts.low && !counts.high))
        return verdict;
    const auto people = static_cast<double>(counts.people);
    // What it may lag behind must be small against what is looked for.
    if (static_cast<double>(counts.moved) > people * counts.tolerance / 2) return verdict;
    const int64_t low = counts.low.value_or(0), high = counts.high.value_or(INT64_MAX);
    verdict.compared = true;
    verdict.share = static_cast<double>(counts.high ? *counts.high : *counts.low) / people;
    const std::string has = "The platform has " +
                            (counts.high ? Size(low, high) : "at least " + Thousands(low)) + " people, and " +
                            Thousands(counts.people) + " were sent";
    if (static_cast<double>(low) > people * (1 + counts.tolerance)) {
        verdict.parted = true;
        verdict.reason = has + ".";
        return verdict;
    }
    if (!counts.usual_share || !counts.high) return verdict;
    const double expected = people * *counts.usual_share;
    if (static_cast<double>(high) >= expected * (1 - counts.tolerance)) return verdict;
    verdict.parted = true;
    verdict.reason = has + "; it used to have " + Thousands(std::llround(expected)) + " of so many.";
    return verdict;
}

}  // namespace pulse::audience
