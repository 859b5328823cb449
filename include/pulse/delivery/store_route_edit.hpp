// Creates and changes routes. All functions need an open pg::Session as pg::Identity::Owner().
#pragma once

#include "pulse/delivery/route.hpp"
#include "pulse/pg/spi.hpp"

namespace pulse::delivery {

// The arguments of pulse_create_route() and pulse_update_route(); null: unchanged, or the default.
struct RouteRequest {
    std::optional<std::vector<std::string>> channels;
    std::optional<std::string> min_severity;
    std::optional<std::vector<std::string>> segments, tables, owners, tags, detectors, events;
    std::optional<std::string> quiet_hours, time_zone;
    std::optional<pg::Value> cool_down;
    std::optional<std::string> digest;
    std::optional<pg::Value> digest_at, group_wait, escalate_after;
    std::optional<std::vector<std::string>> escalate_to;
    std::optional<std::string> report, report_day;
    std::optional<pg::Value> report_at;
    std::string role;  // of the caller
    // The same intervals in microseconds.
    int64_t cool_down_length = 0, group_wait_length = 0, escalate_after_length = 0;
};

// Throw UserError: 42710 name taken, 42704 unknown channel, segment or table, 22023 other invalid arguments.
int64_t CreateRoute(const std::string& name, const RouteRequest& request, const std::string& creator);
void UpdateRoute(const std::string& name, const RouteRequest& request, const std::optional<bool>& enabled);
void DeleteRoute(const std::string& name);

// Check that these segments exist. Throws UserError as above.
void RequireSegments(const std::optional<std::vector<std::string>>& segments);

}  // namespace pulse::delivery
