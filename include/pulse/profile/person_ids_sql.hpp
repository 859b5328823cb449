// SQL that reads the ids by which messages name a person. Pure C++.
#pragma once

// " CROSS JOIN LATERAL (…) AS ids" with the columns user_id and anonymous_id: the first of each that the
// profiles of `person` have, a column of type bigint; also of one that was merged into another person since.
// OFFSET 0 leaves the planner no other way than by the profile: by the kind, it would read everybody's ids.
#define PULSE_PERSON_IDS(person)                                                                            \
    " CROSS JOIN LATERAL (SELECT (array_agg(i.value ORDER BY i.first_seen_at, i.value)"                     \
    " FILTER (WHERE i.kind = 'user_id'))[1] AS user_id, (array_agg(i.value ORDER BY i.first_seen_at,"       \
    " i.value) FILTER (WHERE i.kind = 'anonymous_id'))[1] AS anonymous_id"                                  \
    " FROM (SELECT o.id FROM pulse.profile AS o WHERE o.canonical_id = " person " UNION ALL SELECT " person \
    ") AS own CROSS JOIN LATERAL (SELECT n.kind, n.value, n.first_seen_at FROM pulse.identity AS n"         \
    " WHERE n.profile_id = own.id OFFSET 0) AS i) AS ids"
