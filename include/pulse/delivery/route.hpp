// Routes: which incidents go to which channels, and when. Pure C++.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pulse/delivery/quiet_hours.hpp"

namespace pulse::delivery {

// The place of a severity from low (0) to critical (3); -1: there is no such.
int Rank(const std::string& severity);
inline constexpr int kCritical = 3;

// What a route may be about: kinds of lines in an incident's timeline, in the order in which they are told.
const std::vector<std::string>& RouteEvents();
// opened, reopened, worsened: these call somebody; the others follow.
bool IsAlarm(const std::string& event);
// resolved, ignored.
bool IsClosing(const std::string& event);

// Every detector, and the families "segment" and "table".
const std::vector<std::string>& DetectorNames();

enum class Digest { kNone, kHourly, kDaily };

struct Route {
    std::optional<int64_t> id;  // empty: what holds while there is no route
    std::string name;
    std::vector<std::string> channels;
    int min_severity = 0;
    // Empty: any. A list of segments alone leaves tables out, and the other way round.
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

// Something that happened to an incident.
struct IncidentEvent {
    int64_t incident = 0;
    std::string event;            // the kind of its line in the timeline
    std::string severity, worst;  // then, and the worst it had been by then
    std::string segment, table;   // one of them is empty
    std::string owner;
    std::vector<std::string> tags;
    std::string detector;
    std::string subject;  // "segment:12" or "monitor:3"
    Moment noted_at = 0;  // by the real clock
};

// Whether the route is about this incident, whatever happened to it.
bool IsAbout(const Route& route, const IncidentEvent& incident_event);

// Whether it wants to be told of this, too. PagerDuty keeps its own incident, so `follows` it also when one
// is acknowledged or closed.
bool Wants(const Route& route, const IncidentEvent& incident_event, bool follows);

}  // namespace pulse::delivery
