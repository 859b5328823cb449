#include "pulse/pg/timezone.hpp"

extern "C" {
#include "utils/datetime.h"
}

namespace pulse::pg {

TimeZone::TimeZone(const std::string& name) {
    zone_ = Call([&] { return pg_tzset(name.c_str()); });
    if (!zone_ || !pg_tz_acceptable(const_cast<pg_tz*>(zone_)))
        throw UserError(sqlstate::kInvalidParameter, "time zone \"" + name + "\" does not exist", "",
                        "Give a name of pg_timezone_names, such as 'Europe/Paris' or 'UTC'.");
}

TimeZone TimeZone::OfSession() {
    return TimeZone(pg_get_timezone_name(session_timezone));
}

int64_t TimeZone::OffsetAt(Moment moment) const {
    struct pg_tm parts;
    fsec_t fraction;
    int west;
    if (timestamp2tm(moment, &west, &parts, &fraction, nullptr, const_cast<pg_tz*>(zone_)) != 0) return 0;
    return -int64_t{west} * kSecond;
}

}  // namespace pulse::pg
