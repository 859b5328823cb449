// Routes of what is sent: channels, routes, messages, subscriptions.
#include "pulse/web/routes.hpp"

namespace pulse::web {

namespace {

constexpr Parameter kChannelName{"name", In::kPath};

#define PULSE_CHANNEL                                                                                          \
    "json_build_object('name', c.name, 'kind', c.kind, 'state', c.state, 'waiting', c.waiting, 'sentHour', "   \
    "c.sent_hour, 'failedHour', c.failed_hour, 'sentDay', c.sent_day, 'failedDay', c.failed_day, 'failures', " \
    "c.failures, 'lastOkAt', c.last_ok_at, 'lastErrorAt', c.last_error_at, 'lastError', c.last_error, "        \
    "'restingUntil', c.resting_until, 'disabledAt', c.disabled_at, 'owner', c.owner, 'subscription', EXISTS (" \
    "SELECT FROM pulse.subscription AS s WHERE s.channel = c.name))"

std::vector<Route> ChannelRoutes() {
    return {
        PulseRoute("GET", "/v1/channels", Access::kRead,
                   "A page of channels by name, with their state and what they sent in the last hour and day",
                   PULSE_PAGE_BY_NAME("channels", "c.name", PULSE_CHANNEL, "pulse.channel AS c"),
                   {kAfterName, kNamesOfPage}),
        PulseRoute(
            "POST", "/v1/channels/{name}/test", Access::kAdmin,
            "Sends a message marked as a test to a channel, and returns the answer",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'channel', t.channel, 'status', t.status, 'answerStatus', t.answer_status, "
            "'answer', t.answer, 'milliseconds', t.milliseconds, 'hint', t.hint) FROM {v}.pulse_test_channel($1::text) AS t",
            {kChannelName}),
        PulseRoute(
            "POST", "/v1/channels/{name}/retry", Access::kAdmin,
            "Sends all messages of a channel again that are dead or wait for another attempt",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'messages', {v}.pulse_retry_message($1::text))",
            {kChannelName}),
    };
}

#define PULSE_ROUTE                                                                                           \
    "json_build_object('name', r.name, 'enabled', r.enabled, 'channels', r.channels, 'minSeverity', "         \
    "r.min_severity, 'segments', r.segments, 'tables', r.tables, 'owners', r.owners, 'tags', r.tags, "        \
    "'detectors', r.detectors, 'events', r.events, 'quietFrom', r.quiet_from, 'quietUntil', r.quiet_until, "  \
    "'timeZone', r.time_zone, 'coolDown', r.cool_down::text, 'digest', r.digest, 'digestAt', r.digest_at, "   \
    "'groupWait', r.group_wait::text, 'escalateAfter', r.escalate_after::text, 'escalateTo', r.escalate_to, " \
    "'createdBy', r.created_by, 'updatedAt', r.updated_at)"

std::vector<Route> RoutesOfIncidents() {
    return {
        PulseRoute("GET", "/v1/routes", Access::kRead,
                   "A page of routes by name: which incidents go to which channels, and when",
                   PULSE_PAGE_BY_NAME("routes", "r.name", PULSE_ROUTE, "pulse.route AS r"),
                   {kAfterName, kNamesOfPage}),
        PulseRoute(
            "PATCH", "/v1/routes/{name}", Access::kAdmin,
            "Enables or disables a route; disabling cancels its pending messages",
            "SELECT $1::text, {v}.pulse_update_route($1::text, NULL::text[], NULL::text, NULL::text[], NULL::text[], NULL::text[], NULL::text[], "
            "NULL::text[], NULL::text[], NULL::text, NULL::text, NULL::interval, NULL::text, NULL::time, NULL::interval, NULL::interval, "
            "NULL::text[], $2::boolean)",
            {kChannelName, {"enabled", In::kBody, Type::kBoolean, true}},
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'route', " PULSE_ROUTE
            ") FROM pulse.route AS r WHERE r.name = $1::text"),
    };
}

#define PULSE_MESSAGE                                                                                           \
    "'id', m.id::text, 'status', m.status, 'channel', m.channel, 'kind', m.kind, 'event', m.event, 'subject', " \
    "m.subject, 'incident', m.incident::text, 'attempts', m.attempts, 'error', m.error, 'nextTryAt', "          \
    "m.next_try_at, 'sentAt', m.sent_at, 'latencyMs', m.latency_ms, 'answerStatus', m.answer_status, "          \
    "'foldedInto', m.folded_into::text, 'createdAt', m.created_at, 'key', m.key"
// The largest id: with it each page begins at its key, in a plan for all parameters, too.
#define PULSE_BEFORE "coalesce($3::bigint, 9223372036854775807)"
// A branch for each index: of all, of a channel, of what failed. The range of a channel, rather than its
// equality, leaves the index of channels as the only one in this order, however rare the channel is.
#define PULSE_MESSAGE_IDS                                                                                                \
    "(SELECT o.id FROM pulse.outbox_status AS o WHERE $1::text IS NULL AND $2::text IS NULL AND o.id < " PULSE_BEFORE    \
    " ORDER BY o.id DESC LIMIT $4::bigint) UNION ALL (SELECT o.id FROM pulse.outbox_status AS o WHERE $1::text IS NULL " \
    "AND (o.channel, o.id) < ($2::text, " PULSE_BEFORE                                                                   \
    ") AND o.channel >= $2::text "                                                                                       \
    "ORDER BY o.channel DESC, o.id DESC LIMIT $4::bigint) UNION ALL (SELECT o.id FROM pulse.outbox_status AS o WHERE "   \
    "$1::text = 'dead' AND o.status = 'dead' AND ($2::text IS NULL OR o.channel = $2::text) AND o.id < " PULSE_BEFORE    \
    " ORDER BY o.id DESC LIMIT $4::bigint)"

// Without the token by which the receiver of an action reports its outcome.
constexpr std::string_view kOneMessage =
    "SELECT json_build_object('asOf', {v}.pulse_now(), 'message', json_build_object(" PULSE_MESSAGE
    ", 'payload', CASE WHEN jsonb_typeof(m.payload) = 'object' THEN m.payload #- '{data,token}' ELSE m.payload END, 'answer', m.answer)) FROM pulse.message AS m WHERE m.id = $1::bigint";

std::vector<Route> MessageRoutes() {
    return {
        PulseRoute(
            "GET", "/v1/messages", Access::kRead,
            "A page of messages to channels, the newest first: all, those of a channel, or those that failed for good",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'messages', coalesce(json_agg(json_build_object(" PULSE_MESSAGE
            ") ORDER BY m.id DESC), '[]'), 'next', CASE WHEN count(*) = $4::bigint THEN min(m.id)::text END) "
            "FROM (" PULSE_MESSAGE_IDS
            ") AS k CROSS JOIN LATERAL (SELECT * FROM pulse.message AS n WHERE n.id = k.id OFFSET 0) AS m",
            {{.name = "status", .one_of = "dead"}, {"channel"}, kBeforeId, kRowsOfPage}),
        PulseRoute("GET", "/v1/messages/{id}", Access::kRead, "One message, with what is sent and the answer",
                   kOneMessage, {kPathId}),
        PulseRoute("POST", "/v1/messages/{id}/retry", Access::kAdmin,
                   "Sends a dead or cancelled message again, and a pending one without waiting",
                   "SELECT $1::text, {v}.pulse_retry_message($1::bigint)", {kPathId}, kOneMessage),
        PulseRoute("POST", "/v1/messages/{id}/cancel", Access::kAdmin, "Cancels a pending message",
                   "SELECT $1::text, {v}.pulse_cancel_message($1::bigint, $2::text)",
                   {kPathId, {"reason", In::kBody}}, kOneMessage),
    };
}

#define PULSE_SUBSCRIPTION                                                                                         \
    "json_build_object('name', s.channel, 'events', s.events, 'segments', s.segments, 'createdBy', s.created_by, " \
    "'createdAt', s.created_at, 'rotatedAt', s.rotated_at, 'disabledAt', t.disabled_at, 'failures', "              \
    "coalesce(t.failures, 0), 'lastOkAt', t.last_ok_at, 'lastErrorAt', t.last_error_at)"
#define PULSE_SUBSCRIPTIONS \
    "pulse.subscription AS s LEFT JOIN pulse.channel_state AS t ON t.channel = s.channel"

std::vector<Route> SubscriptionRoutes() {
    return {
        PulseRoute("GET", "/v1/subscriptions", Access::kRead,
                   "A page of subscriptions by name: addresses of programs that receive events",
                   PULSE_PAGE_BY_NAME("subscriptions", "s.channel", PULSE_SUBSCRIPTION, PULSE_SUBSCRIPTIONS),
                   {kAfterName, kNamesOfPage}),
        PulseRoute(
            "PATCH", "/v1/subscriptions/{name}", Access::kAdmin,
            "Switches a subscription on or off; needs the level admin",
            "SELECT $1::text, {v}.pulse_update_subscription($1::text, NULL::text, NULL::text[], NULL::text[], $2::boolean)",
            {kChannelName, {"enabled", In::kBody, Type::kBoolean, true}},
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'subscription', " PULSE_SUBSCRIPTION
            ") FROM " PULSE_SUBSCRIPTIONS " WHERE s.channel = $1::text"),
        PulseRoute(
            "POST", "/v1/subscriptions/{name}/secret", Access::kAdmin,
            "Gives a subscription a new secret, which is answered this once; needs the level admin",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'secret', {v}.pulse_rotate_subscription_secret($1::text, $2::interval))",
            {kChannelName, {.name = "keep", .in = In::kBody, .fallback = "1 day"}}),
    };
}

}  // namespace

std::vector<Route> DeliveryRoutes() {
    std::vector<Route> all;
    for (const auto& list : {ChannelRoutes, RoutesOfIncidents, MessageRoutes, SubscriptionRoutes}) {
        std::vector<Route> some = list();
        all.insert(all.end(), some.begin(), some.end());
    }
    return all;
}

}  // namespace pulse::web
