// Statistics of a batch: its events and their properties. Pure C++.
#pragma once

#include <array>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "pulse/profile/event.hpp"

namespace pulse::profile {

// How many distinct values of a property are kept.
inline constexpr size_t kMostExamples = 5;

// A text, a number or a boolean as JSON; empty for anything else.
std::string JsonOfScalar(const json::Reader& reader, const json::Value& value);

class EventCatalogue {
  public:
    // Count an accepted event and sample its properties: those of the first events of a name, then of
    // every eighth.
    void Add(const json::Reader& reader, const Event& event);
    bool empty() const { return by_event_.empty(); }
    // The format of pulse.ingest_tally.catalogue.
    std::string Json() const;

  private:
    enum Type : size_t { kText, kNumber, kBoolean, kTimestamp, kObject, kArray, kNull, kTypes };
    struct Property {
        std::array<int64_t, kTypes> seen{};
        Moment last = 0;
        std::vector<std::string> examples;  // as JSON
    };
    struct Hash {
        using is_transparent = void;
        size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
    };
    template <typename T>
    using ByName = std::unordered_map<std::string, T, Hash, std::equal_to<>>;
    struct EventStatistics {
        int64_t events = 0, looked_at = 0;
        Moment first = 0, last = 0;
        std::map<int64_t, int64_t> hours;  // events by hours since 2000-01-01 UTC
        ByName<Property> properties;
    };

    static Type TypeOf(const json::Value& node);
    static void CountProperties(const json::Reader& reader, const Event& event, EventStatistics& statistics);

    ByName<EventStatistics> by_event_;
};

}  // namespace pulse::profile
