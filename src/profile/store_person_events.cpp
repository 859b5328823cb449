#include "pulse/profile/store_person_events.hpp"

#include "pulse/pg/identity.hpp"
#include "pulse/pg/index_plans.hpp"
#include "pulse/pg/settings.hpp"

namespace pulse::profile {

using pg::Value;

// The names of a person's events, found by jumping through the index (profile_id, name, time): one step per
// name and profile, not per event. $1 is the person.
#define PULSE_NAMES_OF_PERSON                                                                             \
    "WITH RECURSIVE name AS (SELECT p.id, (SELECT e.name FROM pulse.event AS e WHERE e.profile_id = p.id" \
    " ORDER BY e.name LIMIT 1) AS name FROM pulse.profile AS p WHERE p.canonical_id = $1"                 \
    " UNION ALL SELECT n.id, (SELECT e.name FROM pulse.event AS e WHERE e.profile_id = n.id"              \
    " AND e.name > n.name ORDER BY e.name LIMIT 1) FROM name AS n WHERE n.name IS NOT NULL) "

pg::Result PersonEvents(int64_t person, int max, const std::optional<std::string>& name, Moment before,
                        int64_t before_id) {
    static pg::Statement all(
        PULSE_NAMES_OF_PERSON
        "SELECT v.* FROM name AS n CROSS JOIN LATERAL (SELECT e.id, e.time, e.name, e.type, e.properties,"
        " e.context, e.source, e.received_at, e.profile_id FROM pulse.event AS e WHERE e.profile_id = n.id"
        " AND e.name = n.name AND e.time <= $2 AND (e.time, e.id) < ($3, $4)"
        " ORDER BY e.time DESC, e.id DESC LIMIT $5) AS v WHERE n.name IS NOT NULL"
        " ORDER BY v.time DESC, v.id DESC LIMIT $5",
        {INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID, INT8OID});
    static pg::Statement one(
        "SELECT v.* FROM pulse.profile AS p CROSS JOIN LATERAL (SELECT e.id, e.time, e.name, e.type,"
        " e.properties, e.context, e.source, e.received_at, e.profile_id FROM pulse.event AS e"
        " WHERE e.profile_id = p.id AND e.name = $6 AND e.time <= $2 AND (e.time, e.id) < ($3, $4)"
        " ORDER BY e.time DESC, e.id DESC LIMIT $5) AS v WHERE p.canonical_id = $1"
        " ORDER BY v.time DESC, v.id DESC LIMIT $5",
        {INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID, INT8OID, TEXTOID});
    // Planned once: with a partition for each month, planning takes longer than reading.
    const pg::IndexPlans by_index;
    const pg::Identity owner = pg::Identity::Owner();
    std::vector<Value> parameters{Value::Int8(person), Value::Time(pg::Now()), Value::Time(before),
                                  Value::Int8(before_id), Value::Int8(max)};
    if (!name) return all.Execute(parameters, true);
    parameters.push_back(Value::Text(*name));
    return one.Execute(parameters, true);
}

pg::Result PersonEventCounts(int64_t person) {
// Up to 10,000 events later than $2 minus an interval.
#define PULSE_COUNT_EVENTS(later)                                                                   \
    "(SELECT count(*) FROM (SELECT FROM name AS n CROSS JOIN LATERAL (SELECT FROM pulse.event AS e" \
    " WHERE e.profile_id = n.id AND e.name = n.name AND e.time <= $2" later                         \
    " LIMIT 10001) AS v"                                                                            \
    " WHERE n.name IS NOT NULL LIMIT 10001) AS w)"
    static pg::Statement statement(
        PULSE_NAMES_OF_PERSON
        ", c AS MATERIALIZED (SELECT " PULSE_COUNT_EVENTS("") " AS total,"
        PULSE_COUNT_EVENTS(" AND e.time > $2 - interval '24 hours'") " AS day,"
        PULSE_COUNT_EVENTS(" AND e.time > $2 - interval '168 hours'") " AS week,"
        PULSE_COUNT_EVENTS(" AND e.time > $2 - interval '720 hours'") " AS month)"
        " SELECT CASE WHEN c.total <= 10000 THEN c.total ELSE greatest(10000, (SELECT sum(a.events)"
        " FROM pulse.profile AS p JOIN pulse.activity AS a ON a.profile_id = p.id"
        " WHERE p.canonical_id = $1))::bigint END, least(c.day, 10000), least(c.week, 10000),"
        " least(c.month, 10000), (SELECT max(l.time) FROM name AS n CROSS JOIN LATERAL (SELECT e.time"
        " FROM pulse.event AS e WHERE e.profile_id = n.id AND e.name = n.name AND e.time <= $2"
        " ORDER BY e.time DESC LIMIT 1) AS l WHERE n.name IS NOT NULL), c.total <= 10000 FROM c",
        {INT8OID, TIMESTAMPTZOID});
#undef PULSE_COUNT_EVENTS
    const pg::IndexPlans by_index;
    const pg::Identity owner = pg::Identity::Owner();
    return statement.Execute({Value::Int8(person), Value::Time(pg::Now())}, true);
}

#undef PULSE_NAMES_OF_PERSON

}  // namespace pulse::profile
