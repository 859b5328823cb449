#include "pulse/profile/tally_sum.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "pulse/profile/event_catalogue.hpp"
#include "pulse/profile/month.hpp"

namespace pulse::profile {

namespace {

std::optional<int64_t> ParseInteger(std::string_view text) {
    int64_t number = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
}

int64_t NumberOf(const json::Reader& reader, const json::Value& number) {
    if (!number.Is(json::Type::kNumber)) return 0;
    return ParseInteger(reader.Number(number)).value_or(0);
}

std::optional<Moment> TimeOf(const json::Value& text) {
    return text.Is(json::Type::kText) ? ParseMoment(text.text) : std::nullopt;
}

bool IsList(const json::Reader& reader, const json::Value& value, size_t elements) {
    return value.Is(json::Type::kArray) && reader.Count(value) >= elements;
}

}  // namespace

void TallySum::AddHours(const json::Reader& reader, std::string_view event, const json::Value& hours,
                        const std::string& source, Moment at, EventSum& sum) {
    const int64_t received = HourOf(at);
    const size_t count = reader.Count(hours);
    for (size_t i = 0; i < count; ++i) {
        const auto [key, number] = reader.Member(hours, i);
        const std::optional<int64_t> hour = ParseInteger(key);
        if (!hour) continue;
        const int64_t events = NumberOf(reader, number);
        HourSum& found = Find(sum.hours, std::pair(source, *hour), event.size() + source.size());
        found.events += events;
        if (received - *hour <= 1) found.prompt += events;
        if (received - *hour > 24) found.late += events;
    }
}

void TallySum::AddProperty(const json::Reader& reader, std::string_view event, std::string_view name,
                           const json::Value& property, const int64_t* day, EventSum& sum) {
    const json::Value types = reader.Element(property, 0), examples = reader.Element(property, 2);
    const std::optional<Moment> last = TimeOf(reader.Element(property, 1));
    if (!last || !IsList(reader, types, kTypes)) return;
    PropertySum& found = Find(sum.properties, name, event.size() + name.size());
    const bool first = found.types == Types{};
    Types* of_day = day ? &Find(found.days, *day, event.size() + name.size()) : nullptr;
    for (size_t i = 0; i < kTypes; ++i) {
        const int64_t events = NumberOf(reader, reader.Element(types, i));
        found.types[i] += events;
        if (of_day) (*of_day)[i] += events;
    }
    found.last = first ? *last : std::max(found.last, *last);
    const size_t count = examples.Is(json::Type::kArray) ? reader.Count(examples) : 0;
    for (size_t i = 0; i < count && found.examples.size() < kMostExamples; ++i) {
        std::string example = JsonOfScalar(reader, reader.Element(examples, i));
        if (!example.empty() &&
            std::find(found.examples.begin(), found.examples.end(), example) == found.examples.end())
            found.examples.push_back(std::move(example));
    }
}

void TallySum::Add(const json::Reader& reader, std::string_view event, const json::Value& entry,
                   const std::string& source, Moment at) {
    if (!IsList(reader, entry, 6)) return;
    const std::optional<Moment> first = TimeOf(reader.Element(entry, 2)),
                                last = TimeOf(reader.Element(entry, 3));
    const json::Value properties = reader.Element(entry, 4), hours = reader.Element(entry, 5);
    if (!first || !last || !properties.Is(json::Type::kObject) || !hours.Is(json::Type::kObject)) return;
    EventSum& sum = Find(events_, event, event.size());
    const bool is_new = sum.events == 0;
    const int64_t looked_at = NumberOf(reader, reader.Element(entry, 1));
    sum.events += NumberOf(reader, reader.Element(entry, 0));
    sum.looked_at += looked_at;
    sum.first = is_new ? *first : std::min(sum.first, *first);
    sum.last = is_new ? *last : std::max(sum.last, *last);
    const int64_t day = DayOf(*last);
    const bool of_its_day = *last > at - kDay;
    if (of_its_day) Find(sum.looked_at_by_day, day, event.size()) += looked_at;
    AddHours(reader, event, hours, source, at, sum);
    const size_t names = reader.Count(properties);
    for (size_t i = 0; i < names; ++i) {
        const auto [name, property] = reader.Member(properties, i);
        if (IsList(reader, property, 3))
            AddProperty(reader, event, name, property, of_its_day ? &day : nullptr, sum);
    }
}

}  // namespace pulse::profile
