// One event on its way in: what somebody sent, and what it means, or why it cannot be kept. Pure C++.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pulse/base/json_value.hpp"
#include "pulse/base/time.hpp"
#include "pulse/profile/identity.hpp"

namespace pulse::profile {

enum class EventType : uint8_t { kTrack, kPage, kScreen, kIdentify, kGroup, kAlias };
const char* NameOf(EventType type);

// What an event says, by meaning, whatever its fields were called.
struct EventFields {
    json::Value type, event, name, category;
    json::Value user_id, anonymous_id, device_id, previous_id, group_id, email, phone, identifiers;
    json::Value message_id, timestamp, sent_at;
    json::Value properties, traits, context;
    std::optional<Moment> at;  // the timestamp, where it is known as a moment
    bool is_object = true;     // it is an event at all
    size_t size = 0;           // bytes
};

// Take a JSON event apart: Segment's names and their usual synonyms.
EventFields ReadEventFields(const json::Reader& reader, const json::Value& event);

// What is allowed, and when it is.
struct EventLimits {
    Moment received_at = 0;
    size_t max_size = 0;  // bytes
    int64_t max_properties = 0;
    int max_depth = 0;
    int64_t clock_skew = 0;  // microseconds
    int64_t max_age = 0;     // microseconds; 0: any
    int64_t retention = 0;   // microseconds; 0: for ever
    bool import = false;     // old events are welcome
};

// An id as it was sent: it is not normalised.
struct Event {
    std::string reason, detail;  // why it is rejected, when reason is not empty
    std::string note;            // what was not used of one that is not

    EventType type = EventType::kTrack;
    std::string name;           // as it is kept
    std::string title;          // of page and screen
    std::vector<Identity> ids;  // not normalised yet
    std::optional<Identity> previous;
    std::string group;
    std::string message_id;  // empty: none
    Moment time = 0;
    std::string original_time;  // what was sent, where time is another
    json::Value properties, context;
    uint64_t digest = 0;  // of what it says, but not of when it was sent

    bool Rejected() const { return !reason.empty(); }
};

// Validate an event. Never throws for what an event holds.
Event ValidateEvent(const json::Reader& reader, const EventFields& fields, const EventLimits& limits);

// Without control characters, and white space around it.
std::string SanitiseText(std::string_view text);

// A time as senders write it: ISO 8601, or seconds or milliseconds since 1970, also as text. Empty when it is
// none.
std::optional<Moment> ParseTimestamp(const json::Reader& reader, const json::Value& node);
// The time of the event: corrected where the sender's clock is wrong, and never later than it was received.
Moment CorrectClockSkew(Moment original, std::optional<Moment> sent_at, const EventLimits& limits);

}  // namespace pulse::profile
