// What pulse_find_profiles() is asked for: filter and place in the results. Pure C++.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pulse/base/time.hpp"

namespace pulse::trait {

enum class PeopleOrder : uint8_t { kCreated, kFirstSeen, kLastSeen };

// A range of moments: from, including it, to, excluding it.
struct MomentRange {
    std::optional<Moment> from, to;
    bool Given() const { return from || to; }
    bool Contains(Moment moment) const { return (!from || moment >= *from) && (!to || moment < *to); }
};

struct PeopleFilter {
    std::string query;  // a part of an id; empty: none
    std::optional<std::vector<std::string>> ids;
    std::vector<std::string> segments, any_segments, not_segments, identity_kinds;
    MomentRange first_seen, last_seen;
    std::optional<int64_t> min_events, max_events;
    PeopleOrder order = PeopleOrder::kCreated;
    bool descending = true;
};

// Read a filter. Without "sort", people are ordered by the moment that a range is given for. Throws UserError
// 22023, and 54000 for lists that are too long.
PeopleFilter ReadPeopleFilter(const nlohmann::json& filter);

// A place in the results: after the person with this number, and the moment by which they are ordered.
struct PeoplePlace {
    Moment moment = 0;
    int64_t id = 0;
};

// Write a place as text for the caller to give back.
std::string WritePlace(const PeopleFilter& filter, const PeoplePlace& place);
// The reverse. Throws UserError 22023 for a text of another order or of another form.
PeoplePlace ReadPlace(const PeopleFilter& filter, const std::string& text);

}  // namespace pulse::trait
