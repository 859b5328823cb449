// The merges of a person, and how its ids belong together.
#include "pulse/profile/store_describe.hpp"

namespace pulse::profile {

using pg::Value;

pg::Result MergeHistory(std::optional<int64_t> person, int max, int64_t before) {
#define PULSE_MERGE                                                                                 \
    "SELECT h.id, h.survivor_id, h.merged_id, h.merged_at, h.reason, h.linked_by, h.done_by::text," \
    " h.profiles, h.filled, h.undone_at, h.undone_by::text, h.undo_reason FROM pulse.merge_history AS h "
    static pg::Statement everybody(PULSE_MERGE "WHERE h.id < $1 ORDER BY h.id DESC LIMIT $2",
                                   {INT8OID, INT8OID});
    static pg::Statement one(
        PULSE_MERGE
        "WHERE h.id = ANY (ARRAY(SELECT s.id FROM pulse.profile AS p CROSS JOIN LATERAL (SELECT m.id"
        " FROM pulse.merge_history AS m WHERE m.survivor_id = p.id AND m.id < $1 ORDER BY m.id DESC LIMIT $2)"
        " AS s WHERE p.canonical_id = $3 UNION SELECT s.id FROM pulse.profile AS p CROSS JOIN LATERAL"
        " (SELECT m.id FROM pulse.merge_history AS m WHERE m.merged_id = p.id AND m.id < $1"
        " ORDER BY m.id DESC LIMIT $2) AS s WHERE p.canonical_id = $3 ORDER BY 1 DESC LIMIT $2))"
        " ORDER BY h.id DESC",
        {INT8OID, INT8OID, INT8OID});
#undef PULSE_MERGE
    if (!person) return everybody.Execute({Value::Int8(before), Value::Int8(max)}, true);
    return one.Execute({Value::Int8(before), Value::Int8(max), Value::Int8(*person)}, true);
}

pg::Result CanonicalIdentity(int64_t person) {
    static pg::Statement statement(
        "SELECT $1, r.kind, r.value, r.priority, r.first_seen_at, CASE WHEN r.rivals = 1 THEN"
        " format('No other id has the priority %s or a higher one.', r.priority) ELSE format('It was seen"
        " first of %s ids with the priority %s.', r.rivals, r.priority) END"
        " FROM (SELECT i.kind, i.value, k.priority, i.first_seen_at, count(*) OVER (PARTITION BY k.priority)"
        " AS rivals FROM pulse.profile AS p JOIN pulse.identity AS i ON i.profile_id = p.id"
        " JOIN pulse.identity_kind AS k ON k.kind = i.kind WHERE p.canonical_id = $1) AS r"
        " ORDER BY r.priority DESC, r.first_seen_at, r.value, r.kind LIMIT 1",
        {INT8OID});
    return statement.Execute({Value::Int8(person)}, true);
}

pg::Result IdentityLinks(int64_t person) {
    static pg::Statement statement(
        "WITH id AS MATERIALIZED (SELECT i.profile_id, i.kind, i.value, i.first_seen_at, k.priority,"
        " row_number() OVER (PARTITION BY i.profile_id ORDER BY k.priority DESC, i.first_seen_at, i.value,"
        " i.kind) AS rank FROM pulse.profile AS p JOIN pulse.identity AS i ON i.profile_id = p.id"
        " JOIN pulse.identity_kind AS k ON k.kind = i.kind WHERE p.canonical_id = $1),"
        " link AS (SELECT a.kind, a.value, b.kind AS other_kind, b.value AS other_value,"
        " 'profile' AS reason, b.first_seen_at AS linked_at, NULL::bigint AS merge"
        " FROM id AS a JOIN id AS b ON b.profile_id = a.profile_id WHERE a.rank = 1 AND b.rank > 1"
        " UNION ALL SELECT coalesce(h.linked_by -> 0 ->> 'kind', a.kind), coalesce(h.linked_by -> 0 ->>"
        " 'value', a.value), coalesce(h.linked_by -> 1 ->> 'kind', b.kind), coalesce(h.linked_by -> 1 ->>"
        " 'value', b.value), h.reason, h.merged_at, h.id FROM pulse.profile AS p"
        " JOIN pulse.merge_history AS h ON h.merged_id = p.id AND h.undone_at IS NULL"
        " LEFT JOIN id AS a ON a.profile_id = h.survivor_id AND a.rank = 1"
        " LEFT JOIN id AS b ON b.profile_id = h.merged_id AND b.rank = 1 WHERE p.canonical_id = $1)"
        " SELECT l.kind, l.value, l.other_kind, l.other_value, l.reason, l.linked_at,"
        " CASE WHEN l.merge IS NOT NULL AND l.reason <> 'event' THEN 1 ELSE"
        " least(1, greatest(0.5, least(k.priority, o.priority) / 100.0))::float8 END, l.merge FROM link AS l"
        " LEFT JOIN pulse.identity_kind AS k ON k.kind = l.kind LEFT JOIN pulse.identity_kind AS o"
        " ON o.kind = l.other_kind ORDER BY l.linked_at, l.merge NULLS FIRST, l.other_kind, l.other_value"
        " LIMIT 10000",
        {INT8OID});
    return statement.Execute({Value::Int8(person)}, true);
}

}  // namespace pulse::profile
