// The events of a series by the hour, and the histories that its hours and days are compared with. Inside
// this room only. Pure C++.
#pragma once

#include <cstdint>
#include <vector>

#include "pulse/base/time.hpp"
#include "pulse/drift/baseline.hpp"
#include "pulse/insight/event_count.hpp"

namespace pulse::insight {

// The on-time events of each hour, from the first one with events up to the newest one to judge. It keeps
// references to what it is made of.
class HourlyCounts {
  public:
    HourlyCounts(const EventSeries& series, const CountCheck& check);

    int64_t size() const { return static_cast<int64_t>(counts_.size()); }
    int64_t first_hour() const { return first_hour_; }
    bool prompt() const { return prompt_; }  // IsPrompt()
    bool busy() const { return busy_; }      // enough events for single hours to be judged

    int64_t At(int64_t hour) const { return counts_[static_cast<size_t>(hour - first_hour_)]; }
    bool IsGap(int64_t hour) const;
    // What the clock shows at the beginning of an hour, as if it were UTC.
    Moment LocalHour(int64_t hour) const;
    int64_t DayOf(int64_t hour) const { return FloorTo(LocalHour(hour), kDay) / kDay; }

    // Without points: with the noise before any is known, and the maintenance windows, in the time of the
    // clock.
    drift::History NewHistory(Period period) const;
    // The days up to that hour, each as far as `hours_of_day` of its clock.
    drift::History DaysUpTo(int64_t last_hour, int64_t hours_of_day) const;
    // The incidents of these counts, as room drift knows them of sizes, in the time of the clock. A span
    // begins with the period that showed it first; a new normal that a person declared is one that has
    // settled.
    drift::Exclusions ExclusionsOf(const drift::IncidentTracker& tracker, const char* volume) const;

  private:
    const EventSeries& series_;
    const CountCheck& check_;
    int64_t first_hour_ = 0;
    std::vector<int64_t> counts_;
    bool prompt_, busy_ = false;
};

// Counts on the grid of the clock, from the first hour on; what says nothing of what is usual is a gap.
std::vector<double> GridOf(const drift::History& history, const std::vector<drift::Span>& spans);

}  // namespace pulse::insight
