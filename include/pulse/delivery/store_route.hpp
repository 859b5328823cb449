// The tables of routes and subscriptions. All functions need an open pg::Session as pg::Identity::Owner().
#pragma once

#include <nlohmann/json.hpp>
#include <set>

#include "pulse/delivery/route.hpp"
#include "pulse/pg/spi.hpp"

namespace pulse::delivery {

// The enabled routes that carry events, by id; the default route if there are none, enabled or not.
std::vector<Route> LoadRoutes();

// The channels that follow each incident with an incident of their own.
std::set<std::string> Followers();

// The names of the channels that do not belong to a subscription.
std::vector<std::string> OrdinaryChannels();

// Releases the messages that waited for cancelled ones: the rows of the UPDATE ... RETURNING id.
void ReleaseAfter(const pg::Result& cancelled);

// ---- store_plan_events.cpp ----

// All events of subscriptions, and the default: those that are not about single people.
const std::vector<std::string>& SubscriptionEvents();
const std::vector<std::string>& DefaultEvents();

struct Subscription {
    std::string channel;
    std::vector<std::string> events, segments;  // no segment: any

    // `segment`: its name; of an incident about a table it is empty.
    bool Wants(const std::string& event, const std::string& segment) const;
};
// The subscriptions whose channel exists and is not disabled.
std::vector<Subscription> LoadSubscriptions();

// A notice with the data of its incident or snapshot.
struct Notice {
    std::string event;  // incident.opened …
    Moment at = 0;
    IncidentEvent incident_event;  // if it is about an incident
    std::optional<std::string> actor, note;
    std::optional<double> observed, change;
    std::optional<int64_t> snapshot;
};

// A message to a subscription, ready to be sent.
struct EventMessage {
    std::string channel, event;
    std::optional<int64_t> incident;
    std::string order_key;
    pg::Json payload;
    std::string key = {};  // empty: a new key
};
std::vector<EventMessage> PlanEvents(const std::vector<Notice>& notices);

// ---- store_plan.cpp ----

void InsertEvents(const std::vector<EventMessage>& messages);

// ---- store_plan_feeds.cpp ----

// Whether any of these events is about single people.
bool AreAboutPeople(const std::vector<std::string>& events);

}  // namespace pulse::delivery
