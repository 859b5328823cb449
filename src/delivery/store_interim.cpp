// Until the room has its stories and payloads: weak definitions, which theirs replace.
#include "pulse/delivery/store.hpp"

namespace pulse::delivery {

[[gnu::weak]] std::vector<Story> GatherStories(const std::vector<int64_t>& incidents) {
    std::vector<Story> stories;
    const pg::Result rows = pg::Execute(
        "SELECT id, severity, status, group_id, summary FROM pulse.incident_record WHERE id = ANY ($1) ORDER BY array_position($1, id)",
        {pg::Value::Int8s(incidents)});
    for (uint64_t i = 0; i < rows.size(); ++i) {
        Story story;
        story.incident = rows[i].Int8(0);
        story.severity = rows[i].Text(1);
        story.status = rows[i].Text(2);
        story.group = rows[i].Int8OrNull(3);
        story.summary = rows[i].Text(4);
        stories.push_back(std::move(story));
    }
    return stories;
}

[[gnu::weak]] nlohmann::json MakePayload(const Channel&, const Envelope& envelope, const std::vector<Story>& stories) {
    nlohmann::json list = nlohmann::json::array();
    for (const Story& story : stories) list.push_back({{"incident", story.incident}, {"summary", story.summary}});
    return {{"type", "incident." + envelope.event}, {"timestamp", FormatMoment(envelope.created_at)}, {"data", {{"incidents", list}}}};
}

}  // namespace pulse::delivery
