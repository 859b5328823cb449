#include "pulse/profile/event_catalogue.hpp"

#include <algorithm>

#include "pulse/base/ascii.hpp"
#include "pulse/profile/month.hpp"

namespace pulse::profile {

namespace {

constexpr int64_t kSampleFirst = 64, kSampleEvery = 8;
// A sender that puts data into names must not fill the catalogue.
constexpr size_t kMaxEventNames = 500, kMaxProperties = 200, kMaxKey = 128;
constexpr size_t kLongestExample = 60;

bool LooksLikeTime(std::string_view text) {
    return text.size() >= 10 && text.size() <= 40 && text[4] == '-' && IsDigit(text[0]) && ParseMoment(text);
}

// The text as JSON.
std::string JsonText(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\')
            (out += '\\') += c;
        else if (static_cast<unsigned char>(c) >= 0x20)
            out += c;
        else
            (out += "\\u00") += {"0123456789abcdef"[c >> 4 & 15], "0123456789abcdef"[c & 15]};
    }
    return out += '"';
}

}  // namespace

std::string JsonOfScalar(const json::Reader& reader, const json::Value& value) {
    switch (value.type) {
        case json::Type::kText: return JsonText(value.text);
        case json::Type::kNumber: return reader.Number(value);
        case json::Type::kBoolean: return value.boolean ? "true" : "false";
        default: return "";
    }
}

EventCatalogue::Type EventCatalogue::TypeOf(const json::Value& node) {
    switch (node.type) {
        case json::Type::kText: return LooksLikeTime(node.text) ? kTimestamp : kText;
        case json::Type::kNumber: return kNumber;
        case json::Type::kBoolean: return kBoolean;
        case json::Type::kObject: return kObject;
        case json::Type::kArray: return kArray;
        default: return kNull;
    }
}

void EventCatalogue::CountProperties(const json::Reader& reader, const Event& event,
                                     EventStatistics& statistics) {
    const size_t count = reader.Count(event.properties);
    for (size_t i = 0; i < count; ++i) {
        const auto [key, node] = reader.Member(event.properties, i);
        // No rule can name a property without a name.
        if (key.empty() || key.size() > kMaxKey) continue;
        auto place = statistics.properties.find(key);
        if (place == statistics.properties.end()) {
            if (statistics.properties.size() >= kMaxProperties) continue;
            place = statistics.properties.emplace(std::string(key), Property{}).first;
            place->second.last = event.time;
        }
        Property& property = place->second;
        ++property.seen[TypeOf(node)];
        property.last = std::max(property.last, event.time);
        if (property.examples.size() >= kMostExamples) continue;
        if (node.Is(json::Type::kText) && node.text.size() > kLongestExample) continue;
        std::string example = JsonOfScalar(reader, node);
        if (!example.empty() && example.size() <= kLongestExample + 2 &&
            std::find(property.examples.begin(), property.examples.end(), example) == property.examples.end())
            property.examples.push_back(std::move(example));
    }
}

void EventCatalogue::Add(const json::Reader& reader, const Event& event) {
    auto place = by_event_.find(std::string_view(event.name));
    if (place == by_event_.end()) {
        place = by_event_.emplace(event.name, EventStatistics{}).first;
        place->second.first = place->second.last = event.time;
    }
    EventStatistics& statistics = place->second;
    statistics.first = std::min(statistics.first, event.time);
    statistics.last = std::max(statistics.last, event.time);
    ++statistics.hours[HourOf(event.time)];
    if (++statistics.events > kSampleFirst && statistics.events % kSampleEvery != 0) return;
    if (by_event_.size() > kMaxEventNames) return;
    ++statistics.looked_at;
    if (event.properties.Is(json::Type::kObject)) CountProperties(reader, event, statistics);
}

std::string EventCatalogue::Json() const {
    std::string out = "{";
    for (const auto& [name, statistics] : by_event_) {
        if (out.size() > 1) out += ',';
        out += JsonText(name) + ":[" + std::to_string(statistics.events) + ',' +
               std::to_string(statistics.looked_at) + ",\"" + FormatMoment(statistics.first) + "\",\"" +
               FormatMoment(statistics.last) + "\",{";
        bool first = true;
        for (const auto& [key, property] : statistics.properties) {
            if (!std::exchange(first, false)) out += ',';
            out += JsonText(key) + ":[[";
            for (size_t i = 0; i < kTypes; ++i) out += (i ? "," : "") + std::to_string(property.seen[i]);
            out += "],\"" + FormatMoment(property.last) + "\",[";
            for (size_t i = 0; i < property.examples.size(); ++i)
                out += (i ? "," : "") + property.examples[i];
            out += "]]";
        }
        out += "},{";
        first = true;
        for (const auto& [hour, events] : statistics.hours)
            out += (std::exchange(first, false) ? "\"" : ",\"") + std::to_string(hour) +
                   "\":" + std::to_string(events);
        out += "}]";
    }
    return out + "}";
}

}  // namespace pulse::profile
