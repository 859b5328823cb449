// The routes by what they are about: each list is a file of its own. Pure C++.
#pragma once

#include "pulse/web/route.hpp"

namespace pulse::web {

inline constexpr Parameter kPathId{"id", In::kPath, Type::kId};
inline constexpr Parameter kPathKey{"key", In::kPath};
inline constexpr Parameter kSince{.name = "since", .type = Type::kTime, .synonym = "from"};
inline constexpr Parameter kUntil{.name = "until", .type = Type::kTime, .synonym = "to"};
// Of a page of rows by id, and of one by name: where to go on, and how many rows it has.
inline constexpr Parameter kBeforeId{.name = "before", .type = Type::kId};
inline constexpr Parameter kAfterName{"after"};
inline constexpr Parameter kRowsOfPage{
    .name = "limit", .type = Type::kInteger, .fallback = "50", .least = 1, .most = 500};
inline constexpr Parameter kNamesOfPage{
    .name = "limit", .type = Type::kInteger, .fallback = "100", .least = 1, .most = 500};
// The statement of a page by name, for kAfterName and kNamesOfPage: rows of `from` by its column `key`, each
// given as `item`. A full page has a next one, which may be empty.
#define PULSE_PAGE_BY_NAME(list, key, item, from)                                                  \
    "SELECT json_build_object('asOf', {v}.pulse_now(), '" list                                     \
    "', coalesce(json_agg(w.item ORDER BY w.key), '[]'), 'next', CASE WHEN count(*) = $2::bigint " \
    "THEN max(w.key) END) FROM (SELECT " key " AS key, " item " AS item FROM " from " WHERE " key  \
    " > coalesce($1::text, '') ORDER BY " key " LIMIT $2::bigint) AS w"

// A route of Pulse's own. A GET is read-only; a successful DELETE is 204.
Route PulseRoute(std::string_view method, std::string_view path, Access access, std::string_view summary,
                 std::string_view sql, std::vector<Parameter> parameters = {}, std::string_view then = {});

#define PULSE_CDP "/api/v1/cdp"
#define PULSE_TENANT "/api/v1/tenant/{tenant}"
// Stratum's paths name a tenant; here a database is one.
inline constexpr Parameter kTenant{"tenant", In::kPath};
// A route of Stratum's. What needs only the right to read is read-only; a successful DELETE is 204.
Route StratumRoute(std::string_view method, std::string_view path, Access access, std::string_view summary,
                   std::string_view sql, std::vector<Parameter> parameters = {}, std::string_view then = {});

std::vector<Route> ServiceRoutes();       // health, metrics, the description of all routes
std::vector<Route> EventRoutes();         // events in the forms of Segment's, PostHog's and Jitsu's libraries
std::vector<Route> OfrepRoutes();         // decisions by the OpenFeature Remote Evaluation Protocol
std::vector<Route> SegmentRoutes();       // segments, snapshots and incidents
std::vector<Route> RequestRoutes();       // what takes long and becomes a job
std::vector<Route> SessionRoutes();       // signing in to the console
std::vector<Route> OverviewRoutes();      // what the console shows first
std::vector<Route> HistoryRoutes();       // one segment over time, incidents with their evidence
std::vector<Route> TableViewRoutes();     // monitored tables over time, sources with their visits
std::vector<Route> EventViewRoutes();     // events as people look at them: volume, catalogue, tail, rejected
std::vector<Route> InsightViewRoutes();   // RFM, lifecycle, funnels
std::vector<Route> BuilderRoutes();       // writing rules and segments
std::vector<Route> PeopleRoutes();        // one person, what links ids, merges
std::vector<Route> TraitRoutes();         // traits with versions, values, dependents
std::vector<Route> FlagRoutes();          // flags with versions, exposures, explained decisions
std::vector<Route> ChangeRoutes();        // the stream of what changes
std::vector<Route> TableRoutes();         // sources, monitored tables and their incidents
std::vector<Route> DefinitionRoutes();    // TinyCDP: decisions, traits, segments and flags, keys
std::vector<Route> UserRoutes();          // TinyCDP: people, figures, exports
std::vector<Route> InsightRoutes();       // people over time: retention, paths, experiments
std::vector<Route> ConsentRoutes();       // consent
std::vector<Route> StratumRoutes();       // Stratum: events, people, sources
std::vector<Route> EventQualityRoutes();  // Stratum: quality and anomalies of events
std::vector<Route> StratumSegmentRoutes();  // Stratum: segments, traits, webhooks
std::vector<Route> RfmRoutes();             // Stratum: RFM, lifecycle stages, growth
std::vector<Route> FunnelRoutes();          // Stratum: funnels
std::vector<Route> PrivacyRoutes();         // exports and erasures of people
std::vector<Route> AuditRoutes();           // the audit log
std::vector<Route> CampaignRoutes();        // campaigns
std::vector<Route> ExportRoutes();          // exports of people with chosen columns, also Stratum's
std::vector<Route> TrustRoutes();           // signals, their health, the gate; the same of Stratum
std::vector<Route> ActionRoutes();          // actions, automations, limits; Stratum: autopilot, enforcement
std::vector<Route> AudienceRoutes();        // audiences on other platforms, Pulse's own and Stratum's
std::vector<Route> SyncRoutes();            // destinations and syncs of audiences
std::vector<Route> GateRoutes();            // scopes over time, decisions of the gate, the queue of actions
std::vector<Route> DeliveryRoutes();        // channels, routes, messages, subscriptions
std::vector<Route> JobRoutes();             // jobs and their runs
std::vector<Route> KeyRoutes();             // API keys
std::vector<Route> SettingRoutes();         // settings

}  // namespace pulse::web
