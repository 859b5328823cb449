// The tables of routes and subscriptions. Everything needs an open pg::Session as pg::Identity::Owner().
#pragma once

#include <set>

#include "pulse/delivery/route.hpp"
#include "pulse/pg/spi.hpp"

namespace pulse::delivery {

// The routes that are enabled, in the order in which they were made; what holds without any where there are none.
std::vector<Route> LoadRoutes();

// The channels that follow an incident with one of their own.
std::set<std::string> Followers();

// The names of the channels that are no subscription's.
std::vector<std::string> OrdinaryChannels();

// Lets what waited for these messages have its turn: the rows of an UPDATE ... RETURNING id that cancelled them.
void ReleaseAfter(const pg::Result& cancelled);

// ---- store_plan_events.cpp ----

// What a subscription may ask for.
const std::vector<std::string>& SubscriptionEvents();

// A notice, with what is known of what it is about.
struct Notice {
    std::string event;  // incident.opened …
    Moment at = 0;
    Happening happening;             // of an incident
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
};
std::vector<EventMessage> PlanEvents(const std::vector<Notice>& notices);

}  // namespace pulse::delivery
