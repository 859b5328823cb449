// Reading an event: the meaning of its fields.
#include <array>
#include <unordered_map>

#include "pulse/profile/event.hpp"

namespace pulse::profile {

namespace {

struct Field {
    const char* key;
    json::Value EventFields::*slot;
};

// The first given of several synonyms.
constexpr std::array kFields{
    Field{"type", &EventFields::type},
    Field{"event", &EventFields::event},
    Field{"event_name", &EventFields::event},
    Field{"eventName", &EventFields::event},
    Field{"name", &EventFields::name},
    Field{"category", &EventFields::category},
    Field{"userId", &EventFields::user_id},
    Field{"user_id", &EventFields::user_id},
    Field{"externalId", &EventFields::user_id},
    Field{"external_id", &EventFields::user_id},
    Field{"anonymousId", &EventFields::anonymous_id},
    Field{"anonymous_id", &EventFields::anonymous_id},
    Field{"deviceId", &EventFields::device_id},
    Field{"device_id", &EventFields::device_id},
    Field{"previousId", &EventFields::previous_id},
    Field{"previous_id", &EventFields::previous_id},
    Field{"groupId", &EventFields::group_id},
    Field{"group_id", &EventFields::group_id},
    Field{"email", &EventFields::email},
    Field{"phone", &EventFields::phone},
    Field{"identifiers", &EventFields::identifiers},
    Field{"messageId", &EventFields::message_id},
    Field{"message_id", &EventFields::message_id},
    Field{"idempotency_key", &EventFields::message_id},
    Field{"idempotencyKey", &EventFields::message_id},
    Field{"id", &EventFields::message_id},
    Field{"timestamp", &EventFields::timestamp},
    Field{"ts", &EventFields::timestamp},
    Field{"event_time", &EventFields::timestamp},
    // RudderStack's libraries put the time of the call there, beside a time that the application gave.
    Field{"originalTimestamp", &EventFields::timestamp},
    Field{"original_timestamp", &EventFields::timestamp},
    Field{"sentAt", &EventFields::sent_at},
    Field{"sent_at", &EventFields::sent_at},
    Field{"properties", &EventFields::properties},
    Field{"props", &EventFields::properties},
    Field{"traits", &EventFields::traits},
    Field{"context", &EventFields::context},
    Field{"consent", &EventFields::consent},
    Field{"$set", &EventFields::set},
    Field{"$set_once", &EventFields::set_once},
};

const std::unordered_map<std::string_view, size_t>& Places() {
    static const std::unordered_map<std::string_view, size_t> places = [] {
        std::unordered_map<std::string_view, size_t> made;
        for (size_t i = 0; i < kFields.size(); ++i) made.emplace(kFields[i].key, i);
        return made;
    }();
    return places;
}

}  // namespace

EventFields ReadEventFields(const json::Reader& reader, const json::Value& event) {
    EventFields fields;
    fields.is_object = event.Is(json::Type::kObject);
    fields.size = event.size;
    if (!fields.is_object) return fields;
    const auto& places = Places();
    std::array<json::Value, kFields.size()> found;
    const size_t count = reader.Count(event);
    for (size_t i = 0; i < count; ++i) {
        const auto [key, node] = reader.Member(event, i);
        const auto place = places.find(key);
        if (place != places.end()) found[place->second] = node;
    }
    for (size_t i = kFields.size(); i-- > 0;)
        if (found[i].Given()) fields.*kFields[i].slot = found[i];
    return fields;
}

std::string SanitiseText(std::string_view text) {
    std::string clean;
    clean.reserve(text.size());
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        // A line break separates words.
        if (c == '\t' || c == '\n' || (c == '\r' && (i + 1 == text.size() || text[i + 1] != '\n')))
            clean += ' ';
        else if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f)
            clean += c;
    }
    const size_t begin = clean.find_first_not_of(' ');
    if (begin == std::string::npos) return "";
    const size_t end = clean.find_last_not_of(' ');
    return begin == 0 && end + 1 == clean.size() ? clean : clean.substr(begin, end - begin + 1);
}

std::optional<Moment> ParseTimestamp(const json::Reader& reader, const json::Value& node) {
    // A negative number is a mistake of the sender, not an event before 1970.
    if (node.Is(json::Type::kNumber)) {
        const std::string digits = reader.Number(node);
        return digits.starts_with('-') ? std::nullopt : ParseUnixTime(digits);
    }
    return node.Is(json::Type::kText) ? ParseTimeText(node.text) : std::nullopt;
}

bool IsPlausible(Moment sent_at, Moment original, const EventLimits& limits) {
    // Senders keep events while they are offline, but not for ever.
    constexpr int64_t kLongestQueue = 366 * kDay;
    return sent_at >= original - limits.clock_skew && sent_at - original <= kLongestQueue;
}

Moment CorrectClockSkew(Moment original, std::optional<Moment> sent_at, const EventLimits& limits) {
    Moment time = original;
    if (sent_at) {
        const int64_t off = limits.received_at - *sent_at;
        if (off > limits.clock_skew || off < -limits.clock_skew) time += off;
    }
    return time < limits.received_at ? time : limits.received_at;
}

}  // namespace pulse::profile
