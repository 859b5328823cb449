// Adds up what batches add to the catalogue of events. Pure C++.
#pragma once

#include <array>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "pulse/base/json_value.hpp"
#include "pulse/base/time.hpp"

namespace pulse::profile {

class TallySum {
  public:
    // Examined events by type of the value: text, number, boolean, timestamp, object, array, null.
    static constexpr size_t kTypes = 7;
    using Types = std::array<int64_t, kTypes>;

    struct HourSum {
        int64_t events = 0;
        int64_t prompt = 0, late = 0;  // received in that hour or the next; more than 24 hours later
    };
    struct PropertySum {
        Types types{};
        Moment last = 0;
        std::vector<std::string> examples;  // the first distinct values, as JSON
        std::map<int64_t, Types> days;
    };
    // Days and hours are counted from 2000-01-01 00:00 UTC. What is received more than a day late says
    // nothing of its day.
    struct EventSum {
        int64_t events = 0, looked_at = 0;
        Moment first = 0, last = 0;
        std::map<std::pair<std::string, int64_t>, HourSum> hours;  // by source and hour
        std::map<int64_t, int64_t> looked_at_by_day;
        std::map<std::string, PropertySum, std::less<>> properties;
    };

    // Add one event of EventCatalogue::Json() of a batch that was received at `at`, in the order of the
    // batches. What has another format is left out.
    void Add(const json::Reader& reader, std::string_view event, const json::Value& entry,
             const std::string& source, Moment at);
    const std::map<std::string, EventSum, std::less<>>& events() const { return events_; }
    // About how many bytes it takes as rows.
    size_t size() const { return size_; }

  private:
    // The value of a key; made if there is none.
    template <typename Map, typename Key>
    typename Map::mapped_type& Find(Map& map, const Key& key, size_t text) {
        const auto place = map.lower_bound(key);
        if (place != map.end() && !map.key_comp()(key, place->first)) return place->second;
        size_ += sizeof(typename Map::value_type) + text;
        return map.emplace_hint(place, typename Map::key_type(key), typename Map::mapped_type())->second;
    }
    void AddHours(const json::Reader& reader, std::string_view event, const json::Value& hours,
                  const std::string& source, Moment at, EventSum& sum);
    void AddProperty(const json::Reader& reader, std::string_view event, std::string_view name,
                     const json::Value& property, const int64_t* day, EventSum& sum);

    std::map<std::string, EventSum, std::less<>> events_;
    size_t size_ = 0;
};

}  // namespace pulse::profile
