// An incoming event: its fields as they were sent, and the validated event or the reason for rejection. Pure
// C++.
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

// Fields of an event by meaning, independent of the names that the sender used.
struct EventFields {
    json::Value type, event, name, category;
    json::Value user_id, anonymous_id, device_id, previous_id, group_id, email, phone, identifiers;
    json::Value message_id, timestamp, sent_at;
    json::Value properties, traits, context;
    json::Value set, set_once;  // attributes, with an event of any type
    json::Value consent;        // besides that of the context
    std::optional<Moment> at;   // the timestamp, where it is known as a moment
    bool is_object = true;      // the JSON is an object
    size_t size = 0;            // bytes
};

// Read the fields of a JSON event. Accepts Segment's names and their usual synonyms.
EventFields ReadEventFields(const json::Reader& reader, const json::Value& event);

// Limits of an event, and the time of arrival that they refer to.
struct EventLimits {
    Moment received_at = 0;
    size_t max_size = 0;  // bytes
    int64_t max_properties = 0;
    int max_depth = 0;
    int64_t clock_skew = 0;  // microseconds
    int64_t max_age = 0;     // microseconds; 0: any
    int64_t retention = 0;   // microseconds; 0: for ever
    bool import = false;     // max_age does not apply
};

// A validated event. Its ids are as they were sent, not normalised.
struct Event {
    std::string reason, detail;  // why it is rejected; an empty reason: it is not
    std::string note;            // fields of an accepted event that were not used

    EventType type = EventType::kTrack;
    std::string name;           // as it is stored
    std::string title;          // name of the page or screen
    std::vector<Identity> ids;  // not normalised yet
    std::optional<Identity> previous;
    std::string group;
    std::string message_id;  // empty: none
    Moment time = 0;
    std::string original_time;  // the time that was sent, if `time` differs
    json::Value properties, context;
    json::Value set, set_once;  // attributes, besides the properties of identify; the second only where new
    uint64_t digest = 0;        // of the content, without the time it was sent at

    bool Rejected() const { return !reason.empty(); }
    bool SetsAttributes() const {
        return (type == EventType::kIdentify && properties.Given()) || set.Given() || set_once.Given();
    }
};

// Validate an event. Never throws because of the event's content.
Event ValidateEvent(const json::Reader& reader, const EventFields& fields, const EventLimits& limits);

// Replace line breaks and tabs by blanks, and remove other control characters, and white space at both ends.
std::string SanitiseText(std::string_view text);

// Parse a time as senders write it: ISO 8601, or seconds or milliseconds since 1970, also as text. Empty if
// it is not a time.
std::optional<Moment> ParseTimestamp(const json::Reader& reader, const json::Value& node);
// Whether the event can have been sent at that time, by the same clock as its own: not before it happened,
// and not more than a year later.
bool IsPlausible(Moment sent_at, Moment original, const EventLimits& limits);
// Correct the time of an event if the sender's clock is wrong; never later than the event was received.
Moment CorrectClockSkew(Moment original, std::optional<Moment> sent_at, const EventLimits& limits);

}  // namespace pulse::profile
