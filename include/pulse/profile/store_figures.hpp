// Figures about people and events, from counters and statistics. For entry code of this room; needs an open
// pg::Session as pg::Identity::Owner().
#pragma once

#include "pulse/profile/store_count.hpp"

namespace pulse::profile {

struct Figure {
    std::string name;
    Count count;
};

// The rows of pulse_people_statistics().
std::vector<Figure> PeopleFigures(Moment now);
// Those of pulse_event_totals(), pulse_event_statistics() and pulse_event_trend().
pg::Result EventTotals(Moment now);
pg::Result EventStatistics(Moment now, int days, int max);
// Throws UserError 42704 if no event of that name was ever accepted.
pg::Result EventTrend(Moment now, int days, const std::optional<std::string>& event);

}  // namespace pulse::profile
