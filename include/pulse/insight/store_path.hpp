// Paths of events. For entry code of this room; needs an open pg::Session as pg::Identity::Owner().
#pragma once

#include "pulse/insight/store_question.hpp"

namespace pulse::insight {

struct PathQuestion {
    EventCondition event;  // where paths begin
    bool backwards = false;
    int64_t depth = 3, top = 5;
    Moment since = 0, until = 0, now = 0;  // since <= time < until, and not after now
    int64_t session_gap = 0;               // microseconds
    std::vector<std::string> ignored;      // names of events
    bool sees_people = false;
};

// The rows of pulse_paths().
void CountPaths(const PathQuestion& question, pg::ResultSet& rows);

}  // namespace pulse::insight
