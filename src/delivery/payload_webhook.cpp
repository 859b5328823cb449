// Webhooks: {type, timestamp, data} as specified by Standard Webhooks; `data` is flat, for n8n and Zapier.
#include <nlohmann/json.hpp>

#include "pulse/base/json.hpp"
#include "pulse/delivery/escape.hpp"
#include "pulse/delivery/wording.hpp"

namespace pulse::delivery {

namespace {

using nlohmann::json;

// The size that the specification recommends.
constexpr size_t kMostBytes = 20'000;

std::string TypeOf(const Envelope& envelope, const std::vector<IncidentSummary>& summaries) {
    const std::string& event = envelope.event;
    if (event.find('.') != std::string::npos) return event;
    if (event == "test") return "pulse.test";
    if (event == "digest" || summaries.size() > 1) return "incident.digest";
    if (event == "opened" || event == "reopened") return "incident.opened";
    if (event == "resolved") return "incident.resolved";
    if (event == "escalated") return "incident.escalated";
    return "incident.updated";
}

template <typename T>
json OrNull(const std::optional<T>& value) {
    return value ? json(*value) : json(nullptr);
}

json OrNull(const std::string& text) {
    return text.empty() ? json(nullptr) : json(text);
}

// With `lean`, long texts are left out.
json Data(const Envelope& envelope, const IncidentSummary& summary, bool lean) {
    json data = {{"incident", summary.incident},
                 {"group", OrNull(summary.group)},
                 {"kind", summary.is_table   ? "table"
                          : summary.is_event ? "event"
                                             : "segment"},
                 {"segment", summary.is_table || summary.is_event ? json(nullptr) : json(summary.subject)},
                 {"table", summary.is_table ? json(summary.subject) : json(nullptr)},
                 {"owner", OrNull(summary.owner)},
                 {"title", Title(summary)},
                 {"detector", summary.detector},
                 {"attribute", OrNull(summary.attribute)},
                 {"severity", summary.severity},
                 {"status", summary.status},
                 {"direction", summary.direction},
                 {"baseline", OrNull(summary.baseline)},
                 {"observed", OrNull(summary.observed)},
                 {"change", OrNull(summary.change)},
                 {"figures", OrNull(Figures(summary))},
                 {"people_lost", OrNull(summary.people_lost)},
                 {"summary", summary.summary},
                 {"since", IsoTime(summary.since)},
                 {"opened_at", IsoTime(summary.opened_at)},
                 {"closed_at", summary.closed_at ? json(IsoTime(*summary.closed_at)) : json(nullptr)},
                 {"resolved_by", OrNull(summary.resolved_by)},
                 {"remark", OrNull(Remark(envelope, summary))},
                 {"cause", OrNull(summary.cause)},
                 {"confidence", OrNull(summary.confidence)},
                 {"investigated", summary.investigated},
                 {"recommendation", OrNull(summary.advice)},
                 {"acknowledge_sql", OrNull(summary.acknowledge_sql)},
                 {"url", OrNull(summary.url)}};
    if (summary.is_event) data["event_name"] = summary.subject;
    if (lean) return data;
    data["what_changed"] = summary.what_changed;
    data["recommendation_reason"] = OrNull(summary.advice_reason);
    data["recommendation_sql"] = OrNull(summary.advice_sql);
    data["more_recommendations"] = json::array();
    for (const auto& [priority, action] : summary.more_advice)
        data["more_recommendations"].push_back({{"priority", priority}, {"action", action}});
    return data;
}

}  // namespace

json WebhookPayload(const Envelope& envelope, const std::vector<IncidentSummary>& summaries) {
    json payload = {{"type", TypeOf(envelope, summaries)}, {"timestamp", IsoTime(envelope.created_at)}};
    json& data = payload["data"];
    if (summaries.size() == 1) {
        data = Data(envelope, summaries[0], false);
        if (DumpJson(payload).size() > kMostBytes - 500) data = Data(envelope, summaries[0], true);
        data["incident_count"] = 1;
    } else {
        data = {{"title", Headline(envelope, summaries, 300)},
                {"incident_count", summaries.size()},
                {"left_out", 0},
                {"incidents", json::array()}};
        size_t bytes = DumpJson(payload).size() + 500;
        for (const IncidentSummary& summary : summaries) {
            json one = Data(envelope, summary, true);
            bytes += DumpJson(one).size() + 1;
            if (bytes > kMostBytes) break;
            data["incidents"].push_back(std::move(one));
        }
        data["left_out"] = summaries.size() - data["incidents"].size();
    }
    data["event"] = envelope.event;
    data["test"] = envelope.event == "test";
    data["route"] = OrNull(Clean(envelope.route, 100));
    data["message_key"] = envelope.key;
    data["thread"] = envelope.thread;
    return payload;
}

}  // namespace pulse::delivery
