// The reports that routes send. For entry code; all functions need a pg::Session as pg::Identity::Owner().
#pragma once

#include <string>
#include <vector>

#include "pulse/report/schedule.hpp"

namespace pulse::report {

// A report that is due and not yet made.
struct PlannedReport {
    int64_t route = 0;
    std::string name, role, zone;  // of the route
    std::vector<std::string> channels;
    bool weekly = true;
    // The segments that the filters of the route choose; unset: all.
    std::optional<std::vector<std::string>> segments;
    Period period;
    Moment send_at = 0;  // after quiet hours
};
std::vector<PlannedReport> DueReports(Moment now);

// When a report is due next; pg::kNever without a route that has one.
Moment NextReportDue();

// Makes the report as its role sees it and writes its messages, in the current transaction. False if it was
// made already. Opens its own sessions.
bool MakeReport(const PlannedReport& planned);

// Removes the contents of which all messages are sent.
void ForgetSent(const std::vector<int64_t>& messages);

}  // namespace pulse::report
