// What machines get: {type, timestamp, data} of the Standard Webhooks specification, flat enough for n8n and
// Zapier.
#include <nlohmann/json.hpp>

#include "pulse/base/json.hpp"
#include "pulse/delivery/escape.hpp"
#include "pulse/delivery/wording.hpp"

namespace pulse::delivery {

namespace {

using nlohmann::json;

// The specification's advice.
constexpr size_t kMostBytes = 20'000;

std::string TypeOf(const Envelope& envelope, const std::vector<IncidentSummary>& stories) {
    const std::string& event = envelope.event;
    if (event.find('.') != std::string::npos) return event;
    if (event == "test") return "pulse.test";
    if (event == "digest" || stories.size() > 1) return "incident.digest";
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

// With `lean` the long texts are left out.
json Data(const Envelope& envelope, const IncidentSummary& story, bool lean) {
    json data = {{"incident", story.incident},
                 {"group", OrNull(story.group)},
                 {"kind", story.is_table ? "table" : "segment"},
                 {"segment", story.is_table ? json(nullptr) : json(story.subject)},
                 {"table", story.is_table ? json(story.subject) : json(nullptr)},
                 {"owner", OrNull(story.owner)},
                 {"title", Title(story)},
                 {"detector", story.detector},
                 {"attribute", OrNull(story.attribute)},
                 {"severity", story.severity},
                 {"status", story.status},
                 {"direction", story.direction},
                 {"baseline", OrNull(story.baseline)},
                 {"observed", OrNull(story.observed)},
                 {"change", OrNull(story.change)},
                 {"figures", OrNull(Figures(story))},
                 {"people_lost", OrNull(story.people_lost)},
                 {"summary", story.summary},
                 {"since", IsoTime(story.since)},
                 {"opened_at", IsoTime(story.opened_at)},
                 {"closed_at", story.closed_at ? json(IsoTime(*story.closed_at)) : json(nullptr)},
                 {"resolved_by", OrNull(story.resolved_by)},
                 {"remark", OrNull(Remark(envelope, story))},
                 {"cause", OrNull(story.cause)},
                 {"confidence", OrNull(story.confidence)},
                 {"investigated", story.investigated},
                 {"recommendation", OrNull(story.advice)},
                 {"acknowledge_sql", OrNull(story.acknowledge_sql)},
                 {"url", OrNull(story.url)}};
    if (lean) return data;
    data["what_changed"] = story.what_changed;
    data["recommendation_reason"] = OrNull(story.advice_reason);
    data["recommendation_sql"] = OrNull(story.advice_sql);
    data["more_recommendations"] = json::array();
    for (const auto& [priority, action] : story.more_advice)
        data["more_recommendations"].push_back({{"priority", priority}, {"action", action}});
    return data;
}

}  // namespace

json WebhookPayload(const Envelope& envelope, const std::vector<IncidentSummary>& stories) {
    json payload = {{"type", TypeOf(envelope, stories)}, {"timestamp", IsoTime(envelope.created_at)}};
    json& data = payload["data"];
    if (stories.size() == 1) {
        data = Data(envelope, stories[0], false);
        if (DumpJson(payload).size() > kMostBytes - 500) data = Data(envelope, stories[0], true);
        data["incident_count"] = 1;
    } else {
        data = {{"title", Headline(envelope, stories, 300)},
                {"incident_count", stories.size()},
                {"left_out", 0},
                {"incidents", json::array()}};
        size_t bytes = DumpJson(payload).size() + 500;
        for (const IncidentSummary& story : stories) {
            json one = Data(envelope, story, true);
            bytes += DumpJson(one).size() + 1;
            if (bytes > kMostBytes) break;
            data["incidents"].push_back(std::move(one));
        }
        data["left_out"] = stories.size() - data["incidents"].size();
    }
    data["event"] = envelope.event;
    data["test"] = envelope.event == "test";
    data["route"] = OrNull(Clean(envelope.route, 100));
    data["message_key"] = envelope.key;
    data["thread"] = envelope.thread;
    return payload;
}

}  // namespace pulse::delivery
