// Judges what the properties of events are, day by day: missing, or of another type than before. With the
// statistics of room drift. Pure C++ and deterministic.
#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include "pulse/drift/incident_tracker.hpp"

namespace pulse::insight {

enum PropertyType : size_t { kText, kNumber, kBoolean, kTimestamp, kObject, kArray, kPropertyTypes };

// "a text", "a number", "a boolean", "a timestamp", "an object", "an array".
const char* NameOf(PropertyType type);

// What a property was on a day (UTC), counted from 2000-01-01.
struct PropertyDay {
    int64_t day = 0;
    std::array<int64_t, kPropertyTypes> seen{};

    int64_t present() const;
};

// The properties of the events of a name.
struct EventProperties {
    std::string event;
    std::map<int64_t, int64_t> looked_at;  // by day: events whose properties were examined
    std::map<std::string, std::vector<PropertyDay>> properties;  // days oldest first
};

struct PropertyResult {
    std::string event;
    int64_t day = 0;
    bool unfinished = false;  // of the present day: it may open an incident, and change none
    drift::DetectorResult result;
};

struct PropertyCheck {
    int64_t first = 0, last = 0;  // days to judge; none if last < first
    std::vector<drift::Span> muted;
    drift::Thresholds thresholds;
};

// Judges the days from `first` to `last`, and the day after it as far as it went. `tracker` has the incidents
// of the event.
void JudgeProperties(const EventProperties& event, const PropertyCheck& check,
                     const drift::IncidentTracker& tracker, std::vector<PropertyResult>& results);

}  // namespace pulse::insight
