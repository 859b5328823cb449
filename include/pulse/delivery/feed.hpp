// Events about single people, for subscriptions: later rooms offer them as feeds. Pure C++.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "pulse/base/time.hpp"

namespace pulse::delivery {

struct PersonEvent {
    std::string key;    // the same for all subscriptions
    std::string event;  // such as segment.entered
    int64_t profile = 0;
    Moment at = 0;
    nlohmann::json data;
};

// The events that a subscription receives.
struct FeedQuery {
    std::string subscription;
    std::vector<std::string> events, segments;  // no segment: any
    Moment oldest = 0;                          // older events are skipped
    int64_t most = 0;
};

struct TakenEvents {
    std::vector<PersonEvent> events;
    bool more = false;  // there are more events to take now
    bool busy = false;  // another session holds back events at the moment
};

// The functions are called with a pg::Session as pg::Identity::Owner() open.
struct Feed {
    // Whether it has events of this name.
    bool (*offers)(const std::string& event) = nullptr;
    // Starts a subscription: it receives what happens after this transaction. Waits for transactions that
    // ingest events. Throws UserError 55P03, 25001.
    void (*begin)(const std::string& subscription) = nullptr;
    void (*end)(const std::string& subscription) = nullptr;
    // The subscriptions that have begun and not ended.
    std::vector<std::string> (*begun)() = nullptr;
    // The next events, in order; the commit marks them as taken. Begins the subscription if necessary.
    TakenEvents (*take)(const FeedQuery& query) = nullptr;
    // Whether take() may find events.
    bool (*waiting)(const std::string& subscription) = nullptr;

    bool OffersAnyOf(const std::vector<std::string>& events) const;
};

// Registers a feed when the library is loaded; returns true, so that the initialiser of a constant can call
// it. Throws if there are too many.
bool RegisterFeed(const Feed& feed);
std::span<const Feed> Feeds();

}  // namespace pulse::delivery
