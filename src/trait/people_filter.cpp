#include "pulse/trait/people_filter.hpp"

#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "pulse/base/error.hpp"
#include "pulse/base/json.hpp"
#include "pulse/base/json_object.hpp"
#include "pulse/base/utf8.hpp"

namespace pulse::trait {

namespace {

using Json = nlohmann::json;

constexpr size_t kMostIds = 1000, kMostNames = 20;
constexpr double kMostEvents = 1e12;
constexpr std::array<const char*, 3> kOrders{"created", "first_seen", "last_seen"};

const char* NameOf(PeopleOrder order) {
    return kOrders[static_cast<size_t>(order)];
}

std::optional<std::vector<std::string>> ReadTexts(const JsonObject& filter, const char* key, size_t longest,
                                                  const char* hint) {
    const Json* found = filter.List(key, longest);
    if (!found) return std::nullopt;
    std::vector<std::string> texts;
    for (const Json& item : *found) {
        if (!item.is_string()) filter.Refuse(key, "must be a list of texts", hint);
        texts.push_back(item.get<std::string>());
    }
    return texts;
}

MomentRange ReadRange(const JsonObject& filter, const std::string& name) {
    MomentRange range{filter.Time(name + "_from"), filter.Time(name + "_to")};
    if (range.from && range.to && *range.from >= *range.to)
        filter.Refuse(name + "_to", "must be after " + filter.Place(name + "_from"));
    return range;
}

std::optional<int64_t> ReadNumber(const JsonObject& filter, const char* key) {
    const auto number = filter.Number(key, 0, kMostEvents);
    if (!number) return std::nullopt;
    if (*number != static_cast<double>(static_cast<int64_t>(*number)))
        filter.Refuse(key, "must be a whole number");
    return static_cast<int64_t>(*number);
}

void ReadOrder(const JsonObject& filter, PeopleFilter& result) {
    if (const auto sort = filter.Text("sort")) {
        size_t i = 0;
        while (i < kOrders.size() && *sort != kOrders[i]) ++i;
        if (i == kOrders.size())
            filter.Refuse("sort", "is not an order",
                          "Orders are \"created\", \"first_seen\", \"last_seen\".");
        result.order = static_cast<PeopleOrder>(i);
    } else if (result.last_seen.Given()) {
        result.order = PeopleOrder::kLastSeen;
    } else if (result.first_seen.Given()) {
        result.order = PeopleOrder::kFirstSeen;
    }
    const auto direction = filter.Text("direction");
    if (direction && *direction != "desc" && *direction != "asc")
        filter.Refuse("direction", "is not a direction", "Directions are \"desc\" and \"asc\".");
    result.descending = direction != "asc";
}

}  // namespace

PeopleFilter ReadPeopleFilter(const Json& json) {
    const JsonObject filter(
        json, {"the filter", {}, {}, nullptr},
        {"query", "ids", "segments", "any_segments", "not_segments", "identity_kinds", "first_seen_from",
         "first_seen_to", "last_seen_from", "last_seen_to", "min_events", "max_events", "sort", "direction"},
        R"({"query": "ann@", "segments": ["Valuable users"]})");
    PeopleFilter result;
    result.query = filter.Text("query").value_or("");
    const size_t begin = result.query.find_first_not_of(" \t\r\n");
    result.query = begin == std::string::npos
                       ? ""
                       : result.query.substr(begin, result.query.find_last_not_of(" \t\r\n") - begin + 1);
    result.ids = ReadTexts(filter, "ids", kMostIds, "Give ids, as in [\"u1\", \"email:ann@example.com\"].");
    constexpr const char* kNames = "Give names, as in [\"Valuable users\"].";
    result.segments = ReadTexts(filter, "segments", kMostNames, kNames).value_or(std::vector<std::string>());
    const auto any = ReadTexts(filter, "any_segments", kMostNames, kNames);
    if (any && any->empty()) filter.Refuse("any_segments", "must have at least one segment", kNames);
    result.any_segments = any.value_or(std::vector<std::string>());
    result.not_segments =
        ReadTexts(filter, "not_segments", kMostNames, kNames).value_or(std::vector<std::string>());
    result.identity_kinds =
        ReadTexts(filter, "identity_kinds", kMostNames, "Give kinds of ids, as in [\"email\"].")
            .value_or(std::vector<std::string>());
    result.first_seen = ReadRange(filter, "first_seen");
    result.last_seen = ReadRange(filter, "last_seen");
    result.min_events = ReadNumber(filter, "min_events");
    result.max_events = ReadNumber(filter, "max_events");
    if (result.min_events && result.max_events && *result.min_events > *result.max_events)
        filter.Refuse("max_events", "must not be below " + filter.Place("min_events"));
    ReadOrder(filter, result);
    return result;
}

std::string WritePlace(const PeopleFilter& filter, const PeoplePlace& place) {
    return std::string(NameOf(filter.order)) + (filter.descending ? " desc " : " asc ") +
           std::to_string(place.moment) + " " + std::to_string(place.id);
}

PeoplePlace ReadPlace(const PeopleFilter& filter, const std::string& text) {
    PeoplePlace place;
    const std::string order = std::string(NameOf(filter.order)) + (filter.descending ? " desc " : " asc ");
    const char* const end = text.data() + text.size();
    bool good = text.starts_with(order);
    if (good) {
        const auto moment = std::from_chars(text.data() + order.size(), end, place.moment);
        good = moment.ec == std::errc() && moment.ptr != end && *moment.ptr == ' ';
        if (good) {
            const auto id = std::from_chars(moment.ptr + 1, end, place.id);
            good = id.ec == std::errc() && id.ptr == end;
        }
    }
    if (!good)
        ThrowInvalid("\"after\" is not a place in these results",
                     "It is " + InQuotes(Shorten(text, 100)) + ".",
                     "Give \"next\" of the page before, with the same filter.");
    return place;
}

}  // namespace pulse::trait
