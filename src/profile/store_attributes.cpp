// Attributes of people, set by identify calls.
#include <map>

#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/profile/details_listener.hpp"
#include "pulse/profile/store_ingest.hpp"

namespace pulse::profile {

std::vector<AttributeChange> WriteAttributes(const std::vector<AttributeUpdate>& updates, Moment now) {
    if (updates.empty()) return {};
    struct Merged {
        Datum traits, once;
    };
    const Datum nothing = pg::MakeObject({});
    std::map<int64_t, Merged> by_person;
    for (const AttributeUpdate& one : updates) {
        Merged& merged = by_person.try_emplace(one.person, Merged{nothing, nothing}).first->second;
        if (one.once)
            merged.once = merged.once == nothing ? one.traits : pg::Concatenate(one.traits, merged.once);
        else
            merged.traits =
                merged.traits == nothing ? one.traits : pg::Concatenate(merged.traits, one.traits);
    }
    std::vector<Datum> people, traits, once;
    for (const auto& [person, merged] : by_person) {
        people.push_back(Int64GetDatum(person));
        traits.push_back(merged.traits);
        once.push_back(merged.once);
    }
    // Null removes an attribute.
    static pg::Statement statement(
        "WITH n AS MATERIALIZED (SELECT o.id, f.attributes, f.is_full, (SELECT array_agg(e.key)"
        " FROM jsonb_each(g.traits) AS e"
        "   WHERE (o.attributes -> e.key) IS DISTINCT FROM (f.attributes -> e.key)) AS keys"
        "  FROM unnest($1, $2, $5) AS u (id, traits, once) CROSS JOIN LATERAL (SELECT p.id, p.attributes"
        " FROM pulse.profile AS p WHERE p.id = u.id OFFSET 0) AS o"
        "  CROSS JOIN LATERAL (SELECT coalesce((SELECT jsonb_object_agg(e.key, e.value) FROM jsonb_each(u.once) AS e"
        " WHERE e.value <> 'null' AND NOT o.attributes ? e.key), '{}') || u.traits AS traits OFFSET 0) AS g"
        "  CROSS JOIN LATERAL (SELECT ARRAY(SELECT e.key FROM jsonb_each(g.traits) AS e"
        " WHERE e.value = 'null') AS gone) AS c"
        "  CROSS JOIN LATERAL (SELECT (o.attributes || g.traits) - c.gone AS attributes OFFSET 0) AS w"
        "  CROSS JOIN LATERAL (SELECT (SELECT count(*) FROM jsonb_object_keys(w.attributes)) > greatest($4,"
        "    (SELECT count(*) FROM jsonb_object_keys(o.attributes))) AS is_full OFFSET 0) AS l"
        "  CROSS JOIN LATERAL (SELECT l.is_full, CASE WHEN l.is_full THEN (o.attributes || coalesce((SELECT"
        " jsonb_object_agg(e.key, e.value)"
        "    FROM jsonb_each(g.traits) AS e WHERE o.attributes ? e.key), '{}')) - c.gone"
        " ELSE w.attributes END AS attributes OFFSET 0) AS f),"
        " written AS (UPDATE pulse.profile AS p SET attributes = n.attributes, updated_at = $3 FROM n"
        " WHERE p.id = n.id AND n.keys IS NOT NULL)"
        " SELECT n.id, coalesce(n.keys, '{}'), n.is_full FROM n WHERE n.keys IS NOT NULL OR n.is_full",
        {INT8ARRAYOID, JSONBARRAYOID, TIMESTAMPTZOID, INT8OID, JSONBARRAYOID});
    const pg::Result rows =
        statement.Execute({pg::ArrayOf(INT8OID, people), pg::ArrayOf(JSONBOID, traits), pg::Value::Time(now),
                           pg::Value::Int8(pg::settings::max_properties), pg::ArrayOf(JSONBOID, once)});
    std::vector<AttributeChange> changed;
    for (uint64_t i = 0; i < rows.size(); ++i)
        changed.push_back({rows[i].Int8(0), rows[i].Texts(1), rows[i].Bool(2)});
    if (DetailsWanted()) {
        std::vector<int64_t> profiles;
        for (const AttributeChange& change : changed)
            if (!change.keys.empty()) profiles.push_back(change.person);
        AnnounceDetails(profiles);
    }
    return changed;
}

}  // namespace pulse::profile
