// The tables of routes and subscriptions. Everything needs an open pg::Session as pg::Identity::Owner().
#pragma once

#include <nlohmann/json.hpp>
#include <set>

#include "pulse/delivery/route.hpp"
#include "pulse/pg/spi.hpp"

namespace pulse::delivery {

// The routes that are enabled, in the order in which they were made; what holds without any where there are
// none.
std::vector<Route> LoadRoutes();

// The channels that follow an incident with one of their own.
std::set<std::string> Followers();

// The names of the channels that are no subscription's.
std::vector<std::string> OrdinaryChannels();

// Lets what waited for these messages have its turn: the rows of an UPDATE ... RETURNING id that cancelled
// them.
void ReleaseAfter(const pg::Result& cancelled);

// ---- store_plan_events.cpp ----

// What a subscription may ask for, and what it is told of when it does not say: all that is not about single
// people.
const std::vector<std::string>& SubscriptionEvents();
const std::vector<std::string>& DefaultEvents();

struct Subscription {
    std::string channel;
    std::vector<std::string> events, segments;  // no segment: any

    // `segment`: its name; of an incident about a table it is empty.
    bool Wants(const std::string& event, const std::string& segment) const;
};
// Those that can be told anything now.
std::vector<Subscription> LoadSubscriptions();

// A notice, with what is known of what it is about.
struct Notice {
    std::string event;  // incident.opened …
    Moment at = 0;
    IncidentEvent incident_event;  // of an incident
    std::optional<std::string> actor, note;
    std::optional<double> observed, change;
    std::optional<int64_t> snapshot;
};

// The messages that subscriptions get, ready to be sent.
struct EventMessage {
    std::string channel, event;
    std::optional<int64_t> incident;
    std::string order_key;
    pg::Json payload;
    std::string key = {};  // empty: one of its own
};
std::vector<EventMessage> PlanEvents(const std::vector<Notice>& notices);

// ---- store_plan.cpp ----

void InsertEvents(const std::vector<EventMessage>& messages);

// ---- store_plan_members.cpp ----

// Whether any of these events is about people.
bool WantsMembers(const std::vector<std::string>& events);

}  // namespace pulse::delivery
