// Judges the numbers of events of a name and source against their own history, by the hour and by the day,
// with the statistics of room drift. Pure C++ and deterministic.
#pragma once

#include <string>
#include <vector>

#include "pulse/base/local_time.hpp"
#include "pulse/drift/incident_tracker.hpp"

namespace pulse::insight {

// The events of one hour, counted from 2000-01-01 00:00 UTC.
struct HourCount {
    int64_t hour = 0, events = 0;
    int64_t prompt = 0;  // received in that hour or the next one
    int64_t late = 0;    // received more than a day later: imports and replays
};

// The events of a name from a source, oldest hour first; hours without an event are left out.
struct EventSeries {
    std::string event, source;
    std::vector<HourCount> hours;
};

// How long a period of events is: an hour, or a day of the time zone.
enum class Period { kHour, kDay };

// The result of a test, and when its period ended.
struct JudgedResult {
    std::string event, source;
    Moment moment = 0;
    Period period = Period::kDay;
    bool unfinished = false;  // of a day that goes on: it may open an incident, and change none
    drift::DetectorResult result;
};

struct CountThresholds {
    double volume = 0.25;  // the smallest relative change of a day; that of an hour is twice as large
    drift::Thresholds hour, day;
};

// What all series are judged by.
struct CountCheck {
    OffsetAt offset;                 // of the time zone of days
    int64_t oldest = 0, first = 0;   // hours: of the history, and the first one to judge
    int64_t last = 0;                // the newest one to judge, which is over
    std::vector<bool> gaps;          // hours in which nothing of any kind came, from `oldest` on
    std::vector<drift::Span> muted;  // maintenance windows of this event
    CountThresholds thresholds;
};

// How much history a check reads, and how much a series needs before it is judged.
inline constexpr int64_t kHistoryHours = 8 * 168;
inline constexpr int64_t kLeastHours = 14 * 24;

// The hours in which nothing of any kind came in, where a week before much did: the server or the way to it
// was down. `all` is the number of events of all series by hour.
std::vector<bool> FindGaps(const std::vector<int64_t>& all);

// Judges the hours from `first` to `last`, the days that end in them, and the present day as far as it went.
// `tracker` has the incidents of the event. Returns false for a series that is too young.
bool JudgeCounts(const EventSeries& series, const CountCheck& check, const drift::IncidentTracker& tracker,
                 std::vector<JudgedResult>& results);

// Whether a source sends its events at once; else a day is judged a day later.
bool IsPrompt(const EventSeries& series);

// The result for a name that has `now` of the `total` new events, and none of `before` ones.
drift::DetectorResult JudgeNewEvent(const std::string& event, const std::vector<std::string>& sources,
                                    int64_t before, int64_t now, int64_t total, Moment since,
                                    const drift::Thresholds& thresholds);

}  // namespace pulse::insight
