// Messages to subscriptions: every event with all its data, sent as it happens.
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "pulse/delivery/store.hpp"
#include "pulse/delivery/store_route.hpp"

namespace pulse::delivery {

namespace {

using pg::Json;
using pg::Value;

// 2011-03-01T00:00:00Z
std::string Iso(Moment moment) {
    std::string text = FormatMoment(moment);
    std::replace(text.begin(), text.end(), ' ', 'T');
    return text.ends_with("+00") ? text.replace(text.size() - 3, 3, "Z") : text;
}

Json OrNull(const std::optional<double>& number) {
    return number ? Json(*number) : Json();
}

Json OrNull(const std::optional<std::string>& text) {
    return text ? Json(*text) : Json();
}

std::string OrderKey(const std::string& kind, int64_t id) {
    return "event:" + kind + ":" + std::to_string(id);
}

struct Snapshot {
    int64_t segment = 0;
    std::string name;  // of the segment
    Json body;
};
using Snapshots = std::map<int64_t, Snapshot>;  // by id

Snapshots LoadSnapshotEvents(const std::vector<int64_t>& ids) {
    static pg::Statement statement(
        "SELECT p.id, p.segment_id, p.taken_at, x.text, s.name "
        "FROM pulse.snapshot AS p JOIN pulse.segment AS s ON s.id = p.segment_id CROSS"
        " JOIN LATERAL (SELECT jsonb_build_object("
        "'snapshot', p.id, 'segment', s.name, 'status', p.status, 'error', p.error, 'size', p.size, "
        "'converted', p.converted, "
        "'inactive', p.inactive, 'entered', p.entered, 'exited', p.exited, 'version', p.version, 'owner', "
        "s.owner, 'tags', s.tags, "
        "'origin', p.origin)::text AS text) AS x WHERE p.id = ANY ($1)",
        {INT8ARRAYOID});
    Snapshots found;
    if (ids.empty()) return found;
    const pg::Result rows = statement.Execute({Value::Int8s(ids)}, true);
    for (uint64_t i = 0; i < rows.size(); ++i) {
        Json data = ReadObject(rows[i], 3);
        data["taken_at"] = Iso(rows[i].Time(2));
        found[rows[i].Int8(0)] = {
            rows[i].Int8(1), rows[i].Text(4),
            Json{{"type", "snapshot.taken"}, {"timestamp", Iso(rows[i].Time(2))}, {"data", std::move(data)}}};
    }
    return found;
}

Json IncidentBody(const Notice& notice, const IncidentSummary& summary) {
    const Channel channel{"", ChannelKind::kWebhook, {}, {}};
    Envelope envelope;
    envelope.event = notice.incident_event.event;
    envelope.created_at = notice.at;
    Json body = MakePayload(channel, envelope, {summary});
    body["type"] = notice.event;
    body["timestamp"] = Iso(notice.at);
    // The key is in the headers. `data` is the current state of the incident; `happened` describes the event.
    for (const char* key : {"message_key", "thread", "route", "test"}) body["data"].erase(key);
    body["data"]["happened"] = {{"kind", notice.incident_event.event},
                                {"at", Iso(notice.at)},
                                {"actor", OrNull(notice.actor)},
                                {"note", OrNull(notice.note)},
                                {"severity", notice.incident_event.severity},
                                {"observed", OrNull(notice.observed)},
                                {"change", OrNull(notice.change)}};
    return body;
}

std::map<int64_t, IncidentSummary> SummariesFor(const std::vector<Notice>& notices,
                                                const std::vector<Subscription>& subscriptions) {
    std::vector<int64_t> ids;
    for (const Notice& notice : notices) {
        const bool wanted =
            std::any_of(subscriptions.begin(), subscriptions.end(), [&](const Subscription& each) {
                return each.Wants(notice.event, notice.incident_event.segment);
            });
        if (!notice.snapshot && wanted) ids.push_back(notice.incident_event.incident);
    }
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    std::map<int64_t, IncidentSummary> summaries;
    if (ids.empty()) return summaries;
    for (IncidentSummary& summary : LoadIncidentSummaries(ids))
        summaries.emplace(summary.incident, std::move(summary));
    return summaries;
}

}  // namespace

const std::vector<std::string>& DefaultEvents() {
    static const std::vector<std::string> events{"incident.opened", "incident.updated", "incident.resolved",
                                                 "snapshot.taken"};
    return events;
}

const std::vector<std::string>& SubscriptionEvents() {
    static const std::vector<std::string> events = [] {
        std::vector<std::string> all = DefaultEvents();
        all.insert(all.end(), {"segment.entered", "segment.exited", "event.received", "profile.created",
                               "profile.updated", "profile.merged", "audience_sync.completed",
                               "audience_sync.failed", "audience_sync.held", "audience_sync.cancelled"});
        return all;
    }();
    return events;
}

bool Subscription::Wants(const std::string& event, const std::string& segment) const {
    return std::find(events.begin(), events.end(), event) != events.end() &&
           (segments.empty() || std::find(segments.begin(), segments.end(), segment) != segments.end());
}

std::vector<Subscription> LoadSubscriptions() {
    // Without subscriptions whose channel was dropped by hand or is disabled: their messages would stay
    // pending forever.
    static pg::Statement statement(
        "SELECT u.channel, u.events, coalesce(u.segments, '{}') FROM pulse.subscription AS u "
        "WHERE EXISTS (SELECT FROM pg_foreign_server AS s JOIN pg_foreign_data_wrapper AS w ON w.oid ="
        " s.srvfdw AND w.fdwname = 'pulse_channel' WHERE s.srvname = u.channel) "
        "AND NOT EXISTS (SELECT FROM pulse.channel_state AS c WHERE c.channel = u.channel"
        " AND c.disabled_at IS NOT NULL) "
        "ORDER BY u.channel",
        {});
    const pg::Result rows = statement.Execute({}, true);
    std::vector<Subscription> subscriptions;
    for (uint64_t i = 0; i < rows.size(); ++i)
        subscriptions.push_back({rows[i].Text(0), rows[i].Texts(1), rows[i].Texts(2)});
    return subscriptions;
}

std::vector<EventMessage> PlanEvents(const std::vector<Notice>& notices) {
    std::vector<EventMessage> messages;
    const std::vector<Subscription> subscriptions = LoadSubscriptions();
    if (subscriptions.empty()) return messages;
    std::vector<int64_t> taken;
    for (const Notice& notice : notices)
        if (notice.snapshot) taken.push_back(*notice.snapshot);
    const Snapshots snapshots = LoadSnapshotEvents(taken);
    const std::map<int64_t, IncidentSummary> summaries = SummariesFor(notices, subscriptions);
    for (const Notice& notice : notices) {
        const auto snapshot = snapshots.find(notice.snapshot.value_or(0));
        const auto summary = summaries.find(notice.incident_event.incident);
        if (notice.snapshot ? snapshot == snapshots.end() : summary == summaries.end()) continue;
        const Json body = notice.snapshot ? snapshot->second.body : IncidentBody(notice, summary->second);
        const std::string segment = notice.snapshot ? snapshot->second.name : notice.incident_event.segment;
        const std::string key = notice.snapshot ? OrderKey("segment", snapshot->second.segment)
                                                : OrderKey("incident", notice.incident_event.incident);
        for (const Subscription& each : subscriptions)
            if (each.Wants(notice.event, segment))
                messages.push_back(
                    {each.channel, notice.event,
                     notice.snapshot ? std::nullopt : std::optional(notice.incident_event.incident), key,
                     body});
    }
    return messages;
}

}  // namespace pulse::delivery
