// Taking an event apart: which field means what.
#include <array>
#include <unordered_map>

#include "pulse/profile/event.hpp"

namespace pulse::profile {

namespace {

struct Field {
    const char* key;
    json::Value Incoming::*slot;
};

// Of several names of one thing the first that is given counts.
constexpr std::array kFields{
    Field{"type", &Incoming::type},
    Field{"event", &Incoming::event},
    Field{"event_name", &Incoming::event},
    Field{"eventName", &Incoming::event},
    Field{"name", &Incoming::name},
    Field{"category", &Incoming::category},
    Field{"userId", &Incoming::user_id},
    Field{"user_id", &Incoming::user_id},
    Field{"externalId", &Incoming::user_id},
    Field{"external_id", &Incoming::user_id},
    Field{"anonymousId", &Incoming::anonymous_id},
    Field{"anonymous_id", &Incoming::anonymous_id},
    Field{"deviceId", &Incoming::device_id},
    Field{"device_id", &Incoming::device_id},
    Field{"previousId", &Incoming::previous_id},
    Field{"previous_id", &Incoming::previous_id},
    Field{"groupId", &Incoming::group_id},
    Field{"group_id", &Incoming::group_id},
    Field{"email", &Incoming::email},
    Field{"phone", &Incoming::phone},
    Field{"identifiers", &Incoming::identifiers},
    Field{"messageId", &Incoming::message_id},
    Field{"message_id", &Incoming::message_id},
    Field{"idempotency_key", &Incoming::message_id},
    Field{"idempotencyKey", &Incoming::message_id},
    Field{"id", &Incoming::message_id},
    Field{"originalTimestamp", &Incoming::timestamp},
    Field{"original_timestamp", &Incoming::timestamp},
    Field{"timestamp", &Incoming::timestamp},
    Field{"ts", &Incoming::timestamp},
    Field{"event_time", &Incoming::timestamp},
    Field{"sentAt", &Incoming::sent_at},
    Field{"sent_at", &Incoming::sent_at},
    Field{"properties", &Incoming::properties},
    Field{"props", &Incoming::properties},
    Field{"traits", &Incoming::traits},
    Field{"context", &Incoming::context},
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

Incoming Extract(const json::Reader& reader, const json::Value& event) {
    Incoming incoming;
    incoming.an_object = event.Is(json::Type::kObject);
    incoming.size = event.size;
    if (!incoming.an_object) return incoming;
    const auto& places = Places();
    std::array<json::Value, kFields.size()> found;
    const size_t count = reader.Count(event);
    for (size_t i = 0; i < count; ++i) {
        const auto [key, node] = reader.Member(event, i);
        const auto place = places.find(key);
        if (place != places.end()) found[place->second] = node;
    }
    for (size_t i = kFields.size(); i-- > 0;)
        if (found[i].Given()) incoming.*kFields[i].slot = found[i];
    return incoming;
}

std::string Clean(std::string_view text) {
    const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    std::string clean;
    clean.reserve(text.size());
    for (const char c : text)
        if (!control(c)) clean += c;
    const size_t begin = clean.find_first_not_of(' ');
    if (begin == std::string::npos) return "";
    const size_t end = clean.find_last_not_of(' ');
    return begin == 0 && end + 1 == clean.size() ? clean : clean.substr(begin, end - begin + 1);
}

namespace {

// Between 1970 and 2000: what PostgreSQL counts from, and everybody else.
constexpr int64_t kUnixEpoch = 946'684'800;

std::optional<Moment> FromEpoch(const std::string& text) {
    size_t end = 0;
    double number = 0;
    try {
        number = std::stod(text, &end);
    } catch (const std::exception&) {
        return std::nullopt;
    }
    // Seconds up to the year 5138, milliseconds from 1973 on. Nobody sends microseconds.
    constexpr double kSecondsUpTo = 1e11, kMillisecondsUpTo = 1e14;
    if (end != text.size() || !(number >= 0 && number < kMillisecondsUpTo)) return std::nullopt;
    const double scale = number < kSecondsUpTo ? 1e6 : 1e3;
    return static_cast<int64_t>(number * scale + 0.5) - kUnixEpoch * kSecond;
}

bool Digits(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789.") == std::string_view::npos;
}

}  // namespace

std::optional<Moment> ReadTime(const json::Reader& reader, const json::Value& node) {
    if (node.Is(json::Type::kNumber)) return FromEpoch(reader.Number(node));
    if (!node.Is(json::Type::kText)) return std::nullopt;
    std::string_view text = node.text;
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    constexpr size_t kLongest = 64;
    if (text.size() > kLongest) return std::nullopt;
    return Digits(text) && text.size() > 8 ? FromEpoch(std::string(text)) : ParseMoment(text);
}

Moment TimeOf(Moment original, std::optional<Moment> sent_at, const Limits& limits) {
    Moment time = original;
    if (sent_at) {
        const int64_t off = limits.received_at - *sent_at;
        if (off > limits.clock_skew || off < -limits.clock_skew) time += off;
    }
    return time < limits.received_at ? time : limits.received_at;
}

}  // namespace pulse::profile
