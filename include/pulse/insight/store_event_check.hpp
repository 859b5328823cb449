// The check of events: reads the counters, judges them, opens and closes incidents. For entry code; needs an
// open pg::Session as pg::Identity::Owner().
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "pulse/drift/store.hpp"
#include "pulse/insight/event_count.hpp"
#include "pulse/insight/event_property.hpp"

namespace pulse::insight {

struct EventCheckCounts {
    size_t series = 0, young = 0, properties = 0;
    bool more = false;                 // there are more series than are checked
    std::optional<Moment> done_until;  // nothing to judge: it has been done up to there
};

// Checks all events up to `now`. Throws UserError 55P03 while another session does it.
EventCheckCounts CheckEvents(Moment now);

// ---- store_event_read.cpp ----

// The number of events of each hour from `oldest` to `last`.
std::vector<int64_t> ReadEventHours(int64_t oldest, int64_t last);
// The series of these hours, the `most` largest of them, one after another.
void ReadEventSeries(int64_t oldest, int64_t last, size_t most,
                     const std::function<void(const EventSeries&)>& judge);
// The properties of all events from that day on, by event.
std::vector<EventProperties> ReadEventProperties(int64_t oldest_day, int64_t last_day);

// ---- store_event_cause.cpp ----

// Adds to a finding what it concentrates in: a sentence of its summary, and details.concentratesIn.
void AddBlame(const std::string& event, drift::Finding& finding);
// The segments, traits and flags that use each event, directly or through others, by event:
// {"segments": [...], "traits": [...], "flags": [...]}; an event that none uses is left out.
std::map<std::string, drift::Json> UsersOf(const std::vector<std::string>& events);

}  // namespace pulse::insight
