// What the tests of table health share.
#pragma once

#include "pulse/base/json.hpp"
#include "pulse/health/evaluate_check.hpp"

namespace pulse::health {

inline constexpr Moment kNow = 8800 * kDay + 10 * kHour;

inline Check Parsed(const char* text) {
    return ParseCheck(Json::parse(text), 1);
}

inline CheckContext At(Moment now) {
    CheckContext context;
    context.relation = "app.orders";
    context.now = now;
    return context;
}

inline bool OnWorkingDays(Moment moment) {
    return moment / kDay % 7 < 5;  // 2000-01-01 was a Saturday: any five days will do
}

}  // namespace pulse::health
