// When a report of a route is due, and about which period it is. Pure C++.
#pragma once

#include <string>

#include "pulse/report/options.hpp"
#include "pulse/base/local_time.hpp"

namespace pulse::report {

struct ReportSchedule {
    bool weekly = true;
    int day = 0;      // of a weekly report: Monday is 0
    int64_t at = 0;   // time of day, in microseconds
    OffsetAt offset;  // of the route's time zone
};

// Monday is 0; -1 for no day.
int DayNumber(const std::string& day);

struct DueReport {
    Moment at = 0;
    // The whole days before: seven, or one.
    Period period;
};

// The newest report that is due: after downtime it is the only one that is sent.
DueReport NewestDue(const ReportSchedule& schedule, Moment now);

// When the next one is due.
Moment NextReport(const ReportSchedule& schedule, Moment now);

}  // namespace pulse::report
