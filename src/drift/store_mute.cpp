// What mutes incidents, and what causes them: maintenance windows, tables under a segment that are late or
// empty, and events that its rule uses.
#include <algorithm>

#include "pulse/drift/store.hpp"
#include "pulse/segment/store.hpp"
#include "pulse/segment/request.hpp"

namespace pulse::drift {

using pg::Value;

std::vector<Mute> ReadMutes() {
    static pg::Statement statement("SELECT kind, name, since, until FROM pulse.mute ORDER BY id", {});
    const pg::Result rows = statement.Execute({});
    std::vector<Mute> mutes;
    for (uint64_t i = 0; i < rows.size(); ++i)
        mutes.push_back({rows[i].Text(0), rows[i].Text(1), rows[i].Time(2), rows[i].TimeOrNull(3)});
    return mutes;
}

std::vector<Span> MutedSpans(const std::vector<Mute>& mutes, const std::string& kind, const std::string& name,
                             const std::vector<std::string>& sources) {
    std::vector<Span> spans;
    for (const Mute& mute : mutes)
        if (mute.kind == "everything" || (mute.kind == kind && mute.name == name) ||
            (mute.kind == "source" && std::find(sources.begin(), sources.end(), mute.name) != sources.end()))
            // The end itself is not muted.
            spans.push_back({mute.since, mute.until ? std::optional(*mute.until - 1) : std::nullopt});
    return spans;
}

void ApplyMutes(const std::vector<Mute>& mutes, const std::string& kind, const std::string& name,
                const std::vector<std::string>& sources, Moment moment,
                std::vector<DetectorResult>& results) {
    const std::vector<Span> spans = MutedSpans(mutes, kind, name, sources);
    // Normal results still count, so an incident can close meanwhile.
    if (std::any_of(spans.begin(), spans.end(), [&](const Span& span) { return span.Contains(moment); }))
        std::erase_if(results, [](const DetectorResult& result) { return result.material; });
}

std::optional<int64_t> FindTableCauseGroup(int64_t segment, Moment moment) {
    static pg::Statement definition(
        "SELECT definition, search_path FROM pulse.segment WHERE id = $1 AND EXISTS (SELECT FROM "
        "pulse.monitor)",
        {INT8OID});
    static pg::Statement statement(
        "SELECT coalesce(i.group_id, i.id) FROM pulse.incident_record AS i WHERE i.monitor_id IS NOT NULL "
        "AND i.relation = ANY ($1) AND coalesce(i.source, '') = ANY ($2) AND i.status IN ('open', "
        "'acknowledged') "
        "AND i.detector IN ('table_freshness', 'table_volume', 'table_schema') AND i.since <= $3 "
        // Columns that changed before the last good snapshot did not change the segment since.
        "AND (i.detector <> 'table_schema' OR i.since > coalesce((SELECT max(p.taken_at) FROM pulse.snapshot AS p "
        "WHERE p.segment_id = $4 AND p.taken_at < $3 AND p.status = 'ok'), '-infinity')) "
        "ORDER BY i.detector = 'table_schema', i.since, i.id LIMIT 1",
        {TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID, INT8OID});
    const pg::Result rows = definition.Execute({Value::Int8(segment)});
    if (rows.empty()) return std::nullopt;
    const pg::Json json = rows[0].Jsonb(0);
    const std::vector<std::string> relations = segment::RelationsOf(json, rows[0].Text(1));
    if (relations.empty()) return std::nullopt;
    std::vector<std::string> sources = segment::SourcesOf(json);
    if (sources.empty()) sources.emplace_back();
    const pg::Result found = statement.Execute(
        {Value::Texts(relations), Value::Texts(sources), Value::Time(moment), Value::Int8(segment)});
    return found.empty() ? std::nullopt : std::optional(found[0].Int8(0));
}

std::optional<int64_t> FindEventCauseGroup(int64_t segment, Moment moment) {
    // The check of events writes into its incidents who uses them.
    static pg::Statement statement(
        "SELECT coalesce(i.group_id, i.id) FROM pulse.incident_record AS i WHERE i.event IS NOT NULL AND "
        "i.status IN ('open', 'acknowledged') AND i.since <= $2 AND i.details #> '{usedBy,segments}' ? "
        "(SELECT s.name FROM pulse.segment AS s WHERE s.id = $1) ORDER BY i.since, i.id LIMIT 1",
        {INT8OID, TIMESTAMPTZOID});
    const pg::Result rows = statement.Execute({Value::Int8(segment), Value::Time(moment)});
    return rows.empty() ? std::nullopt : std::optional(rows[0].Int8(0));
}

}  // namespace pulse::drift
