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

SizeVerdict CheckSize(const SizeLook& look) {
    SizeVerdict verdict;
    if (look.tolerance <= 0 || look.people < std::max<int64_t>(1, look.least) || (!look.low && !look.high))
        return verdict;
    const auto people = static_cast<double>(look.people);
    // What it may lag behind must be small against what is looked for.
    if (static_cast<double>(look.moved) > people * look.tolerance / 2) return verdict;
    const int64_t low = look.low.value_or(0), high = look.high.value_or(INT64_MAX);
    verdict.compared = true;
    verdict.share = static_cast<double>(look.high ? *look.high : *look.low) / people;
    const std::string has = "The platform has " +
                            (look.high ? Size(low, high) : "at least " + Thousands(low)) + " people, and " +
                            Thousands(look.people) + " were sent";
    if (static_cast<double>(low) > people * (1 + look.tolerance)) {
        verdict.parted = true;
        verdict.reason = has + ".";
        return verdict;
    }
    if (!look.usual_share || !look.high) return verdict;
    const double expected = people * *look.usual_share;
    if (static_cast<double>(high) >= expected * (1 - look.tolerance)) return verdict;
    verdict.parted = true;
    verdict.reason = has + "; it used to have " + Thousands(std::llround(expected)) + " of so many.";
    return verdict;
}

}  // namespace pulse::audience
