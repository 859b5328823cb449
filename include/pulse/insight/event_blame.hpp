// Finds the app version, platform, library, device or source in which a change of events concentrates. Pure
// C++.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace pulse::insight {

// The events of one value of a dimension of their context.
struct ContextCount {
    std::string dimension, value;  // "app", "5.2"
    int64_t before = 0, now = 0;   // events of a week before, and of the period of the finding
    int64_t bad = 0;               // of those of now: without the property, or with another type
    int64_t people = 0;
};

// What is blamed: the number of events, or a property.
struct BlamedChange {
    std::string event, property;        // property empty: the number of events
    std::string type;                   // the new type; empty: it is missing
    double expected = 0, observed = 0;  // events; or shares of bad ones
};

struct Blame {
    std::string dimension, value, sentence;
    double explained = 0;  // share of the change

    nlohmann::json Json() const;
};

// The value that carries the change; empty if no single one does. A value of fewer than 10 people is not
// named.
std::optional<Blame> FindBlame(const BlamedChange& change, const std::vector<ContextCount>& counts);

}  // namespace pulse::insight
