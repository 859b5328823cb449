#include "pulse/base/time_text.hpp"

namespace pulse {

std::string FormatMinute(Moment moment) {
    const std::string text = FormatMoment(moment);  // 2026-03-01 06:00:00.5+00
    return text.substr(0, text.find(' ', 1) + 6) + " UTC";
}

std::string FormatSnapshotTime(Moment moment, int64_t cadence) {
    return cadence < kDay ? FormatMinute(moment) : FormatDate(moment);
}

}  // namespace pulse
