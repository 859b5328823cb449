// What identify says of people.
#include <map>

#include "pulse/pg/spi.hpp"
#include "pulse/profile/store_ingest.hpp"

namespace pulse::profile {

std::vector<std::pair<int64_t, std::vector<std::string>>> WriteAttributes(const std::vector<Said>& said, Moment now) {
    if (said.empty()) return {};
    std::map<int64_t, Datum> by_person;
    for (const Said& one : said) {
        const auto [place, added] = by_person.try_emplace(one.person, one.traits);
        if (!added) place->second = pg::Concatenate(place->second, one.traits);
    }
    std::vector<Datum> people, traits;
    for (const auto& [person, datum] : by_person) {
        people.push_back(Int64GetDatum(person));
        traits.push_back(datum);
    }
    // Null takes an attribute away.
    static pg::Statement statement(
        "UPDATE pulse.profile AS p SET attributes = n.attributes, updated_at = $3"
        " FROM (SELECT o.id, (o.attributes || g.traits) - c.gone AS attributes, c.keys"
        "  FROM unnest($1, $2) AS g (id, traits) JOIN pulse.profile AS o ON o.id = g.id"
        "  CROSS JOIN LATERAL (SELECT array_agg(e.key) AS keys, coalesce(array_agg(e.key) FILTER (WHERE e.value = 'null'), '{}') AS gone"
        "   FROM jsonb_each(g.traits) AS e WHERE (o.attributes -> e.key) IS DISTINCT FROM nullif(e.value, 'null')) AS c"
        "  WHERE c.keys IS NOT NULL) AS n"
        " WHERE p.id = n.id RETURNING p.id, n.keys",
        {INT8ARRAYOID, JSONBARRAYOID, TIMESTAMPTZOID});
    const pg::Result rows = statement.Execute({pg::ArrayOf(INT8OID, people), pg::ArrayOf(JSONBOID, traits), pg::Value::Time(now)});
    std::vector<std::pair<int64_t, std::vector<std::string>>> changed;
    for (uint64_t i = 0; i < rows.size(); ++i) changed.emplace_back(rows[i].Int8(0), rows[i].Texts(1));
    return changed;
}

}  // namespace pulse::profile
