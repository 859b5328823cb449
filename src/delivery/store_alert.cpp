// Messages to ordinary channels about what is no incident: the health of signals, and actions that wait for a
// person. Routes that ask for them carry them, and without any route every channel gets them.
#include "pulse/delivery/store_alert.hpp"

#include <algorithm>
#include <set>

#include "pulse/base/error.hpp"
#include "pulse/delivery/escape.hpp"
#include "pulse/delivery/payload.hpp"
#include "pulse/delivery/store.hpp"
#include "pulse/delivery/store_route.hpp"
#include "pulse/pg/background.hpp"

namespace pulse::delivery {

namespace {

using pg::Value;

// An alert has no table, owner, tags or detector: a route that asks for those is not about it.
bool Carries(const Route& route, const Alert& alert) {
    const auto has = [](const std::vector<std::string>& list, const std::string& name) {
        return std::find(list.begin(), list.end(), name) != list.end();
    };
    if (!has(route.events, alert.route_event) || Rank(alert.severity) < route.min_severity) return false;
    if (!route.owners.empty() || !route.tags.empty() || !route.detectors.empty()) return false;
    if (route.segments.empty() && route.tables.empty()) return true;
    return !alert.segment.empty() && has(route.segments, alert.segment);
}

// The formats of channels are made for incidents; an alert looks like one without a number.
IncidentSummary SummaryOf(const Alert& alert, Moment now) {
    IncidentSummary summary;
    summary.subject = alert.subject;
    summary.detector = alert.headline;
    summary.severity = alert.severity;
    summary.status = alert.over ? "resolved" : "open";
    summary.direction = "changed";
    if (!alert.sentences.empty()) summary.summary = alert.sentences[0];
    summary.what_changed = alert.sentences;
    summary.advice = alert.advice;
    summary.since = summary.opened_at = now;
    if (alert.over) summary.closed_at = now;
    return summary;
}

nlohmann::json PayloadFor(const Channel& channel, const Alert& alert, const std::string& route,
                          const std::string& key, Moment now) {
    if (channel.kind == ChannelKind::kWebhook)
        return nlohmann::json::object(
            {{"type", alert.event}, {"timestamp", IsoTime(now)}, {"data", alert.data}});
    const Envelope envelope{key,  "alert_" + alert.order_key, alert.over ? "resolved" : "opened", route, now,
                            false};
    return MakePayload(channel, envelope, {SummaryOf(alert, now)});
}

void SendAlert(const Alert& alert, const std::string& name, const Route& route, Moment now) {
    static pg::Statement next("SELECT nextval('pulse.outbox_id_seq')", {});
    static pg::Statement insert(
        "INSERT INTO pulse.outbox (id, key, channel, kind, event, route_id, order_key, payload, send_at)"
        " VALUES ($1, $2, $3, 'event', $4, $5, $6, $7, $8)",
        {INT8OID, TEXTOID, TEXTOID, TEXTOID, INT8OID, TEXTOID, JSONBOID, TIMESTAMPTZOID});
    const int64_t id = next.Execute({})[0].Int8(0);
    const std::string key = "msg_alert_" + std::to_string(id);
    nlohmann::json payload;
    try {
        payload = PayloadFor(LoadChannel(name), alert, route.name, key, now);
    } catch (const UserError&) {
        return;  // It was dropped, or is incomplete: pulse_status() says so.
    }
    Moment send_at = now;
    if (route.quiet && Rank(alert.severity) < kCritical)
        send_at = QuietUntil(*route.quiet, now, route.offset).value_or(now);
    insert.Execute({Value::Int8(id), Value::Text(key), Value::Text(name), Value::Text(alert.event),
                    Value::Int8(route.id), Value::Text(alert.order_key), Value::Jsonb(payload),
                    Value::Time(send_at)});
}

}  // namespace

void RouteAlert(const Alert& alert) {
    const Moment now = pg::WallClock();
    std::set<std::string> receivers{alert.except_channel};
    for (const Route& route : LoadRoutes()) {
        if (!Carries(route, alert)) continue;
        for (const std::string& name : route.channels)
            if (receivers.insert(name).second) SendAlert(alert, name, route, now);
    }
    if (receivers.size() > 1) WakeDelivery();
}

}  // namespace pulse::delivery
