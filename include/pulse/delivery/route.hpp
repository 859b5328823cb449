// Routes: which incidents go to which channels, and when. Pure C++.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pulse/delivery/quiet_hours.hpp"

namespace pulse::delivery {

// The rank of a severity, from low (0) to critical (3); -1 if it is unknown.
int Rank(const std::string& severity);
inline constexpr int kCritical = 3;

// The events of routes: kinds of entries in an incident's timeline, in canonical order; health (of signals)
// and action (that waits for a person, or failed).
const std::vector<std::string>& RouteEvents();
// opened, reopened, worsened; the other events follow an alarm.
bool IsAlarm(const std::string& event);
// resolved, ignored.
bool IsClosing(const std::string& event);

// Every detector, and the families "segment", "table" and "event".
const std::vector<std::string>& DetectorNames();

enum class Digest { kNone, kHourly, kDaily };

struct Route {
    std::optional<int64_t> id;  // empty for the default without any route
    std::string name;
    std::vector<std::string> channels;
    int min_severity = 0;
    // Empty: any. If only segments are given, tables and events do not match, and vice versa.
    std::vector<std::string> segments, tables, owners, tags, detectors;
    std::vector<std::string> events;
    std::optional<QuietHours> quiet;
    OffsetAt offset;
    int64_t cool_down = 0;
    Digest digest = Digest::kNone;
    int64_t digest_at = 0;
    int64_t group_wait = 0;
    std::optional<int64_t> escalate_after;
    std::vector<std::string> escalate_to;
};

// An event of an incident.
struct IncidentEvent {
    int64_t incident = 0;
    std::string event;            // the kind of its entry in the timeline
    std::string severity, worst;  // at the event, and the worst until then
    std::string segment, table;   // both empty: about the events named in `subject`
    std::string owner;
    std::vector<std::string> tags;
    std::string detector;
    std::string subject;  // "segment:12", "monitor:3" or "event:purchase"

    // What the incident is about, as routes name it: "segment", "table" or "event".
    const char* Family() const;
    Moment noted_at = 0;  // by the system clock
};

// Whether the incident matches the route's filters, whatever the event.
bool IsAbout(const Route& route, const IncidentEvent& incident_event);

// Whether the route includes this event, too. A channel that `follows` incidents, as PagerDuty does, also
// receives acknowledged, resolved and ignored.
bool Wants(const Route& route, const IncidentEvent& incident_event, bool follows);

}  // namespace pulse::delivery
