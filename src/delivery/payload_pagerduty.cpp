// PagerDuty's Events API v2: the alert follows the incident. The routing key joins when it is sent.
#include <nlohmann/json.hpp>

#include "pulse/delivery/escape.hpp"
#include "pulse/delivery/wording.hpp"

namespace pulse::delivery {

namespace {

using nlohmann::json;

constexpr size_t kSummary = 1024, kDedupKey = 255, kMostDetails = 20;

const char* SeverityOf(const Envelope& envelope, const IncidentSummary& story) {
    if (envelope.event == "test") return "info";
    switch (Rank(story.severity)) {
        case 3: return "critical";
        case 2: return "error";
        case 1: return "warning";
        default: return "info";
    }
}

const char* ActionOf(const Envelope& envelope, const std::vector<IncidentSummary>& stories) {
    bool over = !stories.empty(), seen = over;
    for (const IncidentSummary& story : stories) {
        over = over && IsOver(story);
        seen = seen && story.status != "open";
    }
    if (envelope.event == "test") return "trigger";
    if (over) return "resolve";
    return seen && envelope.event == "acknowledged" ? "acknowledge" : "trigger";
}

void Set(json& details, const char* name, const std::string& value) {
    if (!value.empty()) details[name] = value;
}

json Details(const Envelope& envelope, const IncidentSummary& story) {
    json details = {{"incident", story.incident},
                    {"status", story.status},
                    {"severity", story.severity},
                    {"since", IsoTime(story.since)}};
    Set(details, "figures", Figures(story));
    Set(details, "remark", Remark(envelope, story));
    Set(details, "owner", story.owner);
    Set(details, "what_changed", story.what_changed.empty() ? story.summary : story.what_changed[0]);
    Set(details, "likely_cause", story.cause);
    Set(details, "confidence", Confidence(story));
    Set(details, "recommendation", story.advice);
    Set(details, "recommendation_sql", story.advice_sql);
    Set(details, "acknowledge_sql", story.acknowledge_sql);
    if (story.people_lost) details["people_lost"] = *story.people_lost;
    return details;
}

}  // namespace

json PagerdutyPayload(const Envelope& envelope, const std::vector<IncidentSummary>& stories) {
    json event = {{"event_action", ActionOf(envelope, stories)},
                  {"dedup_key", Cut(envelope.thread.empty() ? envelope.key : envelope.thread, kDedupKey)}};
    if (event["event_action"] != "trigger" || stories.empty()) return event;
    const IncidentSummary& first = stories[0];
    std::string summary = Headline(envelope, stories, 400);
    const std::string figures = Figures(first);
    if (stories.size() == 1 && !figures.empty()) summary += ". " + figures;
    json details = Details(envelope, first);
    if (stories.size() > 1) {
        details = {{"incident_count", stories.size()}, {"incidents", json::array()}};
        for (size_t i = 0; i < stories.size() && i < kMostDetails; ++i)
            details["incidents"].push_back(Details(envelope, Shortened(stories[i], 2)));
    }
    event["payload"] = {{"summary", Cut(summary, kSummary)},
                        {"source", "pulse"},
                        {"severity", SeverityOf(envelope, first)},
                        {"timestamp", IsoTime(envelope.created_at)},
                        {"component", first.subject},
                        {"class", Detector(first)},
                        {"custom_details", std::move(details)}};
    if (!first.owner.empty()) event["payload"]["group"] = first.owner;
    event["client"] = "Pulse";
    if (!first.url.empty()) {
        event["client_url"] = first.url;
        event["links"] =
            json::array({{{"href", first.url}, {"text", "Incident " + std::to_string(first.incident)}}});
    }
    return event;
}

}  // namespace pulse::delivery
