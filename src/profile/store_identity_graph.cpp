#include "pulse/profile/store_identity_graph.hpp"

#include <algorithm>
#include <map>

#include "pulse/pg/spi.hpp"

namespace pulse::profile {

namespace {

using pg::Value;

constexpr int64_t kMostNodes = 500;

// As jsonb writes a time.
#define PULSE_TIME_TEXT(moment) "to_jsonb(" moment ") #>> '{}'"

// The ids, the one that stands for the person first.
void ReadNodes(int64_t person, IdentityGraphView& graph) {
    static pg::Statement statement(
        "SELECT i.kind, i.value, i.profile_id, k.priority, " PULSE_TIME_TEXT("i.first_seen_at")
        ", count(*) OVER () FROM pulse.profile AS p JOIN pulse.identity AS i ON i.profile_id = p.id"
        " JOIN pulse.identity_kind AS k ON k.kind = i.kind WHERE p.canonical_id = $1"
        " ORDER BY k.priority DESC, i.first_seen_at, i.value, i.kind LIMIT $2",
        {INT8OID, INT8OID});
    const pg::Result rows = statement.Execute({Value::Int8(person), Value::Int8(kMostNodes)}, true);
    for (uint64_t i = 0; i < rows.size(); ++i)
        graph.nodes.push_back({.kind = rows[i].Text(0),
                               .value = rows[i].Text(1),
                               .first_seen_at = rows[i].Text(4),
                               .profile = rows[i].Int8(2),
                               .priority = rows[i].Int4(3)});
    if (!rows.empty()) graph.left_out = static_cast<size_t>(rows[0].Int8(5)) - rows.size();
}

double ConfidenceOf(const GraphNode& from, const GraphNode& to) {
    return std::clamp(std::min(from.priority, to.priority) / 100.0, 0.5, 1.0);
}

// Within a profile its id with the highest priority is linked with each other one: by the event that had one
// of them first and arrived later. If one of these two events is gone, nobody knows.
void ReadLinksOfEvents(int64_t person, IdentityGraphView& graph,
                       const std::map<int64_t, size_t>& first_of_profile,
                       const std::map<std::pair<std::string, std::string>, size_t>& places) {
    static pg::Statement statement(
        "WITH id AS MATERIALIZED (SELECT i.profile_id, i.kind, i.value, i.first_seen_at, row_number() OVER"
        " (PARTITION BY i.profile_id ORDER BY k.priority DESC, i.first_seen_at, i.value, i.kind) AS rank"
        " FROM pulse.profile AS p JOIN pulse.identity AS i ON i.profile_id = p.id"
        " JOIN pulse.identity_kind AS k ON k.kind = i.kind WHERE p.canonical_id = $1),"
        " link AS MATERIALIZED (SELECT b.profile_id, b.kind, b.value, a.first_seen_at AS one,"
        " b.first_seen_at AS other FROM id AS a JOIN id AS b ON b.profile_id = a.profile_id"
        " WHERE a.rank = 1 AND b.rank > 1 ORDER BY b.rank LIMIT $2)"
        " SELECT l.profile_id, l.kind, l.value, " PULSE_TIME_TEXT(
            "coalesce(e.time, greatest(l.one, l.other))") ", e.type, jsonb_build_object('event_id', e.id, 'name',"
        " e.name, 'type', e.type, 'source', e.source)::text FROM link AS l LEFT JOIN LATERAL (SELECT c.*"
        " FROM (SELECT DISTINCT ON (v.time) v.id, v.time, v.received_at, v.name, v.type, v.source"
        " FROM pulse.event AS v WHERE v.profile_id = l.profile_id AND v.time IN (l.one, l.other)"
        " ORDER BY v.time, v.type NOT IN ('identify', 'alias'), v.id) AS c"
        " ORDER BY c.received_at DESC, c.id DESC LIMIT 1) AS e ON"
        " (SELECT count(DISTINCT v.time) FROM pulse.event AS v WHERE v.profile_id = l.profile_id AND v.time IN"
        " (l.one, l.other)) = CASE WHEN l.one = l.other THEN 1 ELSE 2 END"
        " ORDER BY 4, l.profile_id, l.kind, l.value",
        {INT8OID, INT8OID});
    const pg::Result rows = statement.Execute({Value::Int8(person), Value::Int8(kMostNodes)}, true);
    for (uint64_t i = 0; i < rows.size(); ++i) {
        const auto from = first_of_profile.find(rows[i].Int8(0));
        const auto to = places.find({rows[i].Text(1), rows[i].Text(2)});
        if (from == first_of_profile.end() || to == places.end()) continue;
        const std::string type = rows[i].TextOrNull(4).value_or("");
        graph.edges.push_back({.from = from->second,
                               .to = to->second,
                               .kind = type == "identify" ? "login"
                                       : type == "alias"  ? "alias"
                                                          : "same_event",
                               .confidence = ConfidenceOf(graph.nodes[from->second], graph.nodes[to->second]),
                               .linked_at = rows[i].Text(3),
                               .evidence = type.empty() ? "" : rows[i].Text(5)});
    }
}

// A merge links the ids that its event had, or those with the highest priority of the two profiles.
void ReadLinksOfMerges(int64_t person, IdentityGraphView& graph,
                       const std::map<int64_t, size_t>& first_of_profile,
                       const std::map<std::pair<std::string, std::string>, size_t>& places) {
    static pg::Statement statement(
        "SELECT h.survivor_id, h.merged_id, h.linked_by IS NULL, " PULSE_TIME_TEXT(
            "h.merged_at") ", jsonb_build_object('merge_id', h.id, 'reason', h.reason, 'done_by', h.done_by,"
                           " 'linked_by', h.linked_by)::text, h.linked_by -> 0 ->> 'kind', h.linked_by -> 0"
                           " ->> 'value', h.linked_by -> 1 ->> 'kind', h.linked_by -> 1 ->> 'value'"
                           " FROM pulse.profile AS p JOIN pulse.merge_history AS h ON h.merged_id = p.id AND"
                           " h.undone_at IS NULL WHERE p.canonical_id = $1 ORDER BY h.id LIMIT $2",
        {INT8OID, INT8OID});
    const pg::Result rows = statement.Execute({Value::Int8(person), Value::Int8(kMostNodes)}, true);
    for (uint64_t i = 0; i < rows.size(); ++i) {
        const auto end = [&](int profile, int kind) -> std::optional<size_t> {
            const auto named = places.find(
                {rows[i].TextOrNull(kind).value_or(""), rows[i].TextOrNull(kind + 1).value_or("")});
            if (named != places.end()) return named->second;
            const auto first = first_of_profile.find(rows[i].Int8(profile));
            return first == first_of_profile.end() ? std::nullopt : std::optional(first->second);
        };
        const auto from = end(0, 5), to = end(1, 7);
        if (!from || !to || *from == *to) continue;
        const bool manual = rows[i].Bool(2);
        graph.edges.push_back({.from = *from,
                               .to = *to,
                               .kind = manual ? "manual" : "merge",
                               .confidence = manual ? 1 : ConfidenceOf(graph.nodes[*from], graph.nodes[*to]),
                               .linked_at = rows[i].Text(3),
                               .evidence = rows[i].Text(4)});
    }
}

#undef PULSE_TIME_TEXT

}  // namespace

IdentityGraphView ReadIdentityGraph(int64_t person, int depth) {
    IdentityGraphView graph;
    graph.person = person;
    ReadNodes(person, graph);
    std::map<int64_t, size_t> first_of_profile;
    std::map<std::pair<std::string, std::string>, size_t> places;
    for (size_t i = 0; i < graph.nodes.size(); ++i) {
        first_of_profile.emplace(graph.nodes[i].profile, i);
        places.emplace(std::pair(graph.nodes[i].kind, graph.nodes[i].value), i);
    }
    ReadLinksOfEvents(person, graph, first_of_profile, places);
    ReadLinksOfMerges(person, graph, first_of_profile, places);
    ArrangeGraph(graph, depth);
    return graph;
}

}  // namespace pulse::profile
