// PagerDuty's Events API v2: the alert follows the incident. MakeRequest() adds the routing key.
#include <nlohmann/json.hpp>

#include "pulse/delivery/escape.hpp"
#include "pulse/delivery/wording.hpp"

namespace pulse::delivery {

namespace {

using nlohmann::json;

constexpr size_t kSummary = 1024, kDedupKey = 255, kMostDetails = 20;

const char* SeverityOf(const Envelope& envelope, const IncidentSummary& summary) {
    if (envelope.event == "test") return "info";
    switch (Rank(summary.severity)) {
        case 3: return "critical";
        case 2: return "error";
        case 1: return "warning";
        default: return "info";
    }
}

const char* ActionOf(const Envelope& envelope, const std::vector<IncidentSummary>& summaries) {
    bool over = !summaries.empty(), seen = over;
    for (const IncidentSummary& summary : summaries) {
        over = over && IsOver(summary);
        seen = seen && summary.status != "open";
    }
    if (envelope.event == "test") return "trigger";
    if (over) return "resolve";
    return seen && envelope.event == "acknowledged" ? "acknowledge" : "trigger";
}

void Set(json& details, const char* name, const std::string& value) {
    if (!value.empty()) details[name] = value;
}

json Details(const Envelope& envelope, const IncidentSummary& summary) {
    json details = {{"incident", summary.incident},
                    {"status", summary.status},
                    {"severity", summary.severity},
                    {"since", IsoTime(summary.since)}};
    Set(details, "figures", Figures(summary));
    Set(details, "remark", Remark(envelope, summary));
    Set(details, "owner", summary.owner);
    Set(details, "what_changed", summary.what_changed.empty() ? summary.summary : summary.what_changed[0]);
    Set(details, "likely_cause", summary.cause);
    Set(details, "confidence", Confidence(summary));
    Set(details, "recommendation", summary.advice);
    Set(details, "recommendation_sql", summary.advice_sql);
    Set(details, "acknowledge_sql", summary.acknowledge_sql);
    if (summary.people_lost) details["people_lost"] = *summary.people_lost;
    return details;
}

}  // namespace

json PagerdutyPayload(const Envelope& envelope, const std::vector<IncidentSummary>& summaries) {
    json event = {{"event_action", ActionOf(envelope, summaries)},
                  {"dedup_key", Cut(envelope.thread.empty() ? envelope.key : envelope.thread, kDedupKey)}};
    if (event["event_action"] != "trigger" || summaries.empty()) return event;
    const IncidentSummary& first = summaries[0];
    std::string summary = Headline(envelope, summaries, 400);
    const std::string figures = Figures(first);
    if (summaries.size() == 1 && !figures.empty()) summary += ". " + figures;
    json details = Details(envelope, first);
    if (summaries.size() > 1) {
        details = {{"incident_count", summaries.size()}, {"incidents", json::array()}};
        for (size_t i = 0; i < summaries.size() && i < kMostDetails; ++i)
            details["incidents"].push_back(Details(envelope, Shortened(summaries[i], 2)));
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
