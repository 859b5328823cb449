// Finds the segments that nobody needs, from traces that are kept anyway: reading writes nothing.
#include "pulse/diagnosis/segment_use.hpp"
#include "pulse/diagnosis/store.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"

namespace pulse::diagnosis {

using pg::Value;

std::vector<UnusedSegment> FindUnusedSegments(const std::optional<std::string>& name) {
    std::vector<UnusedSegment> unused;
    if (pg::settings::unused_after == 0) return unused;
    const Moment now = pg::Now();
    const pg::Result rows = pg::Execute(
        "SELECT s.name, w.at, n.size FROM pulse.segment AS s "
        "CROSS JOIN LATERAL (SELECT greatest(s.created_at, s.updated_at, (SELECT max(e.at) "
        "FROM pulse.incident_record AS i JOIN pulse.incident_event AS e ON e.incident_id = i.id "
        "WHERE i.segment_id = s.id AND e.actor <> 'pulse')) AS at) AS w "
        "LEFT JOIN LATERAL (SELECT p.size FROM pulse.snapshot AS p WHERE p.segment_id = s.id "
        "AND p.status = 'ok' AND p.taken_at <= $2 ORDER BY p.taken_at DESC LIMIT 1) AS n ON true "
        "WHERE s.status IN ('active', 'paused') AND ($1 IS NULL OR s.name = $1) AND w.at <= $3 ORDER BY s.name",
        {Value::Text(name), Value::Time(now), Value::Time(now - pg::settings::unused_after * kMinute)});
    if (rows.empty()) return unused;
    const std::set<std::string> used = RegisteredUsedSegments();
    for (uint64_t i = 0; i < rows.size(); ++i)
        if (!used.contains(rows[i].Text(0)))
            unused.push_back({rows[i].Text(0), rows[i].Time(1), rows[i].Int8OrNull(2)});
    return unused;
}

}  // namespace pulse::diagnosis
