// Validating events.
#include <algorithm>
#include <array>
#include <cstring>

#include "pulse/base/utf8.hpp"
#include "pulse/profile/event.hpp"

namespace pulse::profile {

namespace {

constexpr std::array kTypes{"track", "page", "screen", "identify", "group", "alias"};
constexpr size_t kMaxName = 255;        // characters
constexpr size_t kMaxMessageId = 255;   // characters
constexpr size_t kMaxExternalIds = 50;  // of one event
// The earliest accepted time; earlier ones come from a clock that is not set.
constexpr Moment kFirstMoment = -946'684'800 * kSecond;
// The end of the year 9999: later times do not fit common ISO 8601.
constexpr Moment kLastMoment = 252'455'616'000 * kSecond - 1;

// Thrown inside this file only.
struct Rejection {
    const char* reason;
    std::string detail;
};

std::string Quoted(std::string_view text) {
    return "\"" + Shorten(text, 60) + "\"";
}

// 123.0 is the id 123.
std::string TrimZeros(std::string number) {
    if (number.find('.') == std::string::npos) return number;
    number.erase(number.find_last_not_of('0') + 1);
    if (number.back() == '.') number.pop_back();
    return number;
}

std::string Lower(std::string_view text) {
    std::string lower(text);
    for (char& c : lower)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return lower;
}

uint64_t Mix(uint64_t hash, std::string_view bytes) {
    const auto step = [&](uint64_t word) {
        hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
        hash ^= hash >> 32;
    };
    size_t i = 0;
    for (uint64_t word; i + sizeof word <= bytes.size(); i += sizeof word) {
        std::memcpy(&word, bytes.data() + i, sizeof word);
        step(word);
    }
    uint64_t rest = 0;
    if (i < bytes.size()) std::memcpy(&rest, bytes.data() + i, bytes.size() - i);
    step(rest);
    step(bytes.size());
    return hash;
}

class EventValidator {
  public:
    EventValidator(const json::Reader& reader, const EventFields& fields, const EventLimits& limits,
                   Event& event)
        : reader_(reader), fields_(fields), limits_(limits), event_(event) {}

    void Run() {
        if (fields_.message_id.Given()) MessageId();
        if (!fields_.is_object) throw Rejection{"invalid_json", "An event must be an object."};
        if (fields_.size > limits_.max_size)
            throw Rejection{"too_large", "It has " + std::to_string(fields_.size) +
                                             " bytes; pulse.max_event_size allows " +
                                             std::to_string(limits_.max_size) + "."};
        event_.type = Type();
        Name();
        Payload();
        Ids();
        Time();
        Digest();
    }

  private:
    // A text, or the digits of a number; empty for a blank text.
    std::optional<std::string> Text(const json::Value& node) const {
        if (node.Is(json::Type::kText)) return SanitiseText(node.text);
        if (node.Is(json::Type::kNumber)) return TrimZeros(reader_.Number(node));
        return std::nullopt;
    }

    std::string RequireText(const json::Value& node, const char* field, const char* reason) const {
        if (auto text = Text(node)) return *text;
        throw Rejection{reason,
                        std::string("\"") + field + "\" must be a text, not " + Describe(node.type) + "."};
    }

    void MessageId() {
        event_.message_id = RequireText(fields_.message_id, "messageId", "invalid_message_id");
        if (CountCharacters(event_.message_id) > kMaxMessageId) {
            event_.message_id.clear();
            throw Rejection{"invalid_message_id", "\"messageId\" must have at most " +
                                                      std::to_string(kMaxMessageId) + " characters."};
        }
    }

    EventType Type() const {
        if (!fields_.type.Given()) {
            if (fields_.event.Given()) return EventType::kTrack;
            if (fields_.previous_id.Given()) return EventType::kAlias;
            if (fields_.group_id.Given()) return EventType::kGroup;
            if (fields_.traits.Given()) return EventType::kIdentify;
            throw Rejection{
                "invalid_type",
                "The event has neither \"type\" nor \"event\"; types are track, page, screen, identify, group, "
                "alias."};
        }
        const std::string type = Lower(RequireText(fields_.type, "type", "invalid_type"));
        const auto found = std::find(kTypes.begin(), kTypes.end(), type);
        if (found == kTypes.end())
            throw Rejection{
                "invalid_type",
                Quoted(type) + " is not a type; types are track, page, screen, identify, group, alias."};
        return static_cast<EventType>(found - kTypes.begin());
    }

    void Name() {
        if (event_.type != EventType::kTrack) {
            event_.name = std::string("$") + NameOf(event_.type);
            if (event_.type == EventType::kPage || event_.type == EventType::kScreen)
                if (fields_.name.Given()) event_.title = Text(fields_.name).value_or("");
            return;
        }
        // Some senders use "name".
        const json::Value& node = fields_.event.Given() ? fields_.event : fields_.name;
        if (!node.Given()) throw Rejection{"invalid_event_name", "A track event needs a name in \"event\"."};
        event_.name = RequireText(node, "event", "invalid_event_name");
        if (event_.name.empty()) throw Rejection{"invalid_event_name", "\"event\" is blank."};
        if (CountCharacters(event_.name) > kMaxName)
            throw Rejection{"invalid_event_name",
                            "\"event\" must have at most " + std::to_string(kMaxName) + " characters."};
        if (event_.name[0] == '$' &&
            std::find(kTypes.begin(), kTypes.end(), event_.name.substr(1)) != kTypes.end() &&
            event_.name != "$track")
            throw Rejection{"invalid_event_name",
                            Quoted(event_.name) + " is reserved for calls without a name: send \"type\": \"" +
                                event_.name.substr(1) + "\" instead."};
    }

    void RequireObject(const json::Value& node, const char* field) const {
        if (!node.Given() || node.Is(json::Type::kObject)) return;
        throw Rejection{"invalid_properties",
                        std::string("\"") + field + "\" must be an object, not " + Describe(node.type) + "."};
    }

    void Payload() {
        RequireObject(fields_.properties, "properties");
        RequireObject(fields_.traits, "traits");
        RequireObject(fields_.context, "context");
        RequireObject(fields_.set, "$set");
        RequireObject(fields_.set_once, "$set_once");
        const bool about_somebody = event_.type == EventType::kIdentify || event_.type == EventType::kGroup;
        const json::Value& first = about_somebody ? fields_.traits : fields_.properties;
        event_.properties = first.Given() || !about_somebody ? first : fields_.properties;
        event_.context = fields_.context;
        event_.set = fields_.set;
        event_.set_once = fields_.set_once;
        int depth = event_.context.Given() ? reader_.Measure(event_.context).depth : 0;
        for (const json::Value& object : {event_.properties, event_.set, event_.set_once}) {
            if (!object.Given()) continue;
            const json::Shape shape = reader_.Measure(object);
            depth = std::max(depth, shape.depth);
            if (shape.members > limits_.max_properties)
                throw Rejection{"too_many_properties", "There are " + std::to_string(shape.members) +
                                                           "; pulse.max_properties allows " +
                                                           std::to_string(limits_.max_properties) + "."};
        }
        if (depth > limits_.max_depth)
            throw Rejection{"too_deep", "Properties are nested " + std::to_string(depth) +
                                            " deep; pulse.max_event_depth allows " +
                                            std::to_string(limits_.max_depth) + "."};
    }

    void Note(const std::string& text) { event_.note += (event_.note.empty() ? "" : " ") + text; }

    void AddId(const std::string& kind, const json::Value& node) {
        if (!node.Given()) return;
        auto text = Text(node);
        if (!text) {
            Note(kind + " must be a text, not " + Describe(node.type) + ".");
            return;
        }
        if (text->empty()) return;
        Identity id{kind, std::move(*text)};
        if (std::find(event_.ids.begin(), event_.ids.end(), id) == event_.ids.end())
            event_.ids.push_back(std::move(id));
    }

    void AddFrom(const json::Value& traits) {
        if (!traits.Is(json::Type::kObject)) return;
        AddId("email", reader_.Get(traits, "email"));
        AddId("phone", reader_.Get(traits, "phone"));
    }

    void AddExternalIds(const json::Value& list) {
        if (!list.Is(json::Type::kArray)) return;
        const size_t count = reader_.Count(list);
        if (count > kMaxExternalIds)
            Note("Only the first " + std::to_string(kMaxExternalIds) + " of context.externalIds are used.");
        for (size_t i = 0; i < std::min(count, kMaxExternalIds); ++i) {
            const json::Value entry = reader_.Element(list, i);
            const auto kind = Text(reader_.Get(entry, "type"));
            if (kind && !kind->empty()) AddId(*kind, reader_.Get(entry, "id"));
        }
    }

    void Ids() {
        AddId("user_id", fields_.user_id);
        AddId("anonymous_id", fields_.anonymous_id);
        AddId("device_id", fields_.device_id);
        AddId("email", fields_.email);
        AddId("phone", fields_.phone);
        // Traits of a group are not traits of a person.
        if (event_.type != EventType::kGroup) AddFrom(fields_.traits);
        AddFrom(fields_.set);
        if (fields_.context.Is(json::Type::kObject)) {
            AddFrom(reader_.Get(fields_.context, "traits"));
            AddId("device_id", reader_.Get(reader_.Get(fields_.context, "device"), "id"));
            AddExternalIds(reader_.Get(fields_.context, "externalIds"));
        }
        if (fields_.identifiers.Is(json::Type::kObject)) {
            const size_t count = std::min(reader_.Count(fields_.identifiers), kMaxExternalIds);
            for (size_t i = 0; i < count; ++i) {
                const auto [kind, node] = reader_.Member(fields_.identifiers, i);
                AddId(std::string(kind), node);
            }
        } else if (fields_.identifiers.Given()) {
            Note("identifiers must be an object, not " + std::string(Describe(fields_.identifiers.type)) +
                 ".");
        }
        if (event_.type == EventType::kAlias) {
            if (!fields_.previous_id.Given()) throw Rejection{"no_id", "An alias needs \"previousId\"."};
            event_.previous = Identity{"", RequireText(fields_.previous_id, "previousId", "no_id")};
            if (event_.previous->value.empty()) throw Rejection{"no_id", "\"previousId\" is blank."};
        }
        if (event_.type == EventType::kGroup) {
            if (!fields_.group_id.Given()) throw Rejection{"no_id", "A group call needs \"groupId\"."};
            event_.group = RequireText(fields_.group_id, "groupId", "no_id");
            if (event_.group.empty()) throw Rejection{"no_id", "\"groupId\" is blank."};
            if (CountCharacters(event_.group) > kMaxName)
                throw Rejection{"no_id",
                                "\"groupId\" must have at most " + std::to_string(kMaxName) + " characters."};
        }
        if (event_.ids.empty())
            throw Rejection{
                "no_id",
                "The event has no id of a person: give userId, anonymousId, deviceId or identifiers." +
                    (event_.note.empty() ? "" : " " + event_.note)};
    }

    void Time() {
        std::optional<Moment> original = fields_.at, sent_at;
        if (!original && fields_.timestamp.Given()) {
            original = ParseTimestamp(reader_, fields_.timestamp);
            if (!original) {
                const auto text = Text(fields_.timestamp);
                throw Rejection{
                    "invalid_timestamp",
                    (text ? Quoted(*text) : std::string(Describe(fields_.timestamp.type))) +
                        " is not a time; write it as 2026-11-21T18:00:00Z, or as milliseconds since 1970."};
            }
        }
        if (fields_.sent_at.Given()) {
            sent_at = ParseTimestamp(reader_, fields_.sent_at);
            if (!sent_at) Note("sentAt is not a time and was not used.");
        }
        if (original && *original < kFirstMoment)
            throw Rejection{"invalid_timestamp", FormatMoment(*original) + " lies before 1970."};
        if (original && *original > kLastMoment)
            throw Rejection{"invalid_timestamp", FormatMoment(*original) + " lies after the year 9999."};
        if (original && sent_at && !IsPlausible(*sent_at, *original, limits_)) {
            Note("sentAt, " + FormatMoment(*sent_at) +
                 ", does not fit the time of the event and was not used.");
            sent_at.reset();
        }
        event_.time = original ? CorrectClockSkew(*original, sent_at, limits_) : limits_.received_at;
        if (original && event_.time != *original) event_.original_time = FormatMoment(*original);
        given_ = original;
        const int64_t age = limits_.received_at - event_.time;
        if (limits_.max_age > 0 && age > limits_.max_age && !limits_.import)
            throw Rejection{"too_old", FormatMoment(event_.time) +
                                           " is older than pulse.max_event_age allows; import it instead."};
        if (limits_.retention > 0 && age > limits_.retention)
            throw Rejection{"too_old",
                            FormatMoment(event_.time) +
                                " is older than pulse.event_retention, for which events are kept."};
    }

    void Digest() {
        uint64_t hash = Mix(0, event_.name);
        for (const Identity& id : event_.ids) hash = Mix(Mix(hash, id.kind), id.value);
        if (event_.previous) hash = Mix(hash, event_.previous->value);
        hash = Mix(hash, event_.group);
        if (!event_.title.empty()) hash = Mix(hash, event_.title);
        if (given_)
            hash = Mix(hash, std::string_view(reinterpret_cast<const char*>(&*given_), sizeof *given_));
        if (event_.properties.Given()) hash = Mix(hash, reader_.Bytes(event_.properties));
        event_.digest = hash;
    }

    const json::Reader& reader_;
    const EventFields& fields_;
    const EventLimits& limits_;
    Event& event_;
    std::optional<Moment> given_;
};

}  // namespace

const char* NameOf(EventType type) {
    return kTypes[static_cast<size_t>(type)];
}

Event ValidateEvent(const json::Reader& reader, const EventFields& fields, const EventLimits& limits) {
    Event event;
    try {
        EventValidator(reader, fields, limits, event).Run();
    } catch (const Rejection& rejection) {
        event.reason = rejection.reason;
        event.detail = rejection.detail;
    }
    return event;
}

}  // namespace pulse::profile
