// Describing one person.
#include "pulse/profile/store_describe.hpp"

#include <nlohmann/json.hpp>

#include "pulse/pg/index_plans.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/profile/listener.hpp"
#include "pulse/profile/store_consent_report.hpp"

namespace pulse::profile {

namespace {

using pg::Json;
using pg::Value;

constexpr const char* kDescribe =
    "WITH part AS MATERIALIZED (SELECT p.id FROM pulse.profile AS p WHERE p.canonical_id = $1), "
    "seen AS MATERIALIZED (SELECT e.name, e.time FROM part JOIN pulse.event AS e ON e.profile_id = part.id"
    " WHERE e.time <= $2) "
    "SELECT jsonb_build_object('profile_id', v.profile_id, 'as_of', $2, 'bucketing_id', v.bucketing_id,"
    " 'lifecycle', v.lifecycle, "
    "'first_seen_at', v.first_seen_at, 'last_seen_at', v.last_seen_at, 'attributes', v.attributes, "
    "'identities', (SELECT coalesce(jsonb_agg(jsonb_build_object('kind', i.kind, 'value', i.value, 'since',"
    " i.first_seen_at, 'profile_id', i.profile_id) "
    "ORDER BY k.priority DESC NULLS LAST, i.kind, i.first_seen_at, i.value), '[]') FROM part"
    " JOIN pulse.identity AS i ON i.profile_id = part.id "
    "LEFT JOIN pulse.identity_kind AS k ON k.kind = i.kind), "
    "'account', (SELECT jsonb_build_object('key', a.key, 'attributes', a.attributes, 'since', (SELECT"
    " min(m.since) FROM part "
    "JOIN pulse.account_member AS m ON m.account_id = a.id AND m.profile_id = part.id))"
    " FROM pulse.account AS a WHERE a.key = v.account), "
    "'events', (SELECT jsonb_build_object('last_24h', count(*) FILTER (WHERE s.time > $2 - interval '24"
    " hours'), "
    "'last_7d', count(*) FILTER (WHERE s.time > $2 - interval '7 days'), 'last_30d', count(*) FILTER (WHERE"
    " s.time > $2 - interval '30 days'), "
    "'total', count(*)) FROM seen AS s), "
    "'events_by_name', (SELECT coalesce(jsonb_object_agg(n.name, jsonb_build_object('count', n.count,"
    " 'last_at', n.last_at)), '{}') "
    "FROM (SELECT s.name, count(*) AS count, max(s.time) AS last_at FROM seen AS s GROUP BY s.name"
    " ORDER BY count(*) DESC, s.name LIMIT 100) AS n), "
    "'recent_events', (SELECT coalesce(jsonb_agg(jsonb_build_object('id', r.id, 'time', r.time, 'name',"
    " r.name, 'type', r.type, 'properties', r.properties, "
    "'profile_id', r.profile_id) ORDER BY r.time DESC, r.id DESC), '[]') FROM (SELECT e.* FROM part"
    " JOIN pulse.event AS e ON e.profile_id = part.id "
    "WHERE e.time <= $2 ORDER BY e.time DESC, e.id DESC LIMIT 50) AS r), "
    "'merged', (SELECT coalesce(jsonb_agg(jsonb_build_object('merge', h.id, 'profile_id', h.merged_id,"
    " 'into', h.survivor_id, 'at', h.merged_at, "
    "'reason', h.reason, 'linked_by', h.linked_by, 'done_by', h.done_by) ORDER BY h.id), '[]') FROM part"
    " JOIN pulse.merge_history AS h "
    "ON h.merged_id = part.id AND h.undone_at IS NULL))::text FROM pulse.person AS v WHERE v.profile_id = $1";

// What is recorded of consent, and what holds by default.
Json ConsentsOf(int64_t person) {
    Json consents = Json::array();
    const std::optional<Person> found = FindPerson(person);
    if (!found) return consents;
    const auto time = [](const std::optional<Moment>& moment) {
        return moment ? Json(FormatMoment(*moment)) : Json();
    };
    for (const ConsentView& view : ReadConsents(*found, pg::Now()))
        if (view.record || view.granted)
            consents.push_back({{"purpose", view.purpose},
                                {"status", view.status},
                                {"granted", view.granted},
                                {"since", time(view.at)},
                                {"expires_at", time(view.expires_at)},
                                {"source", view.source ? Json(*view.source) : Json()}});
    return consents;
}

}  // namespace

std::string DescribePerson(int64_t person) {
    static pg::Statement statement(kDescribe, {INT8OID, TIMESTAMPTZOID});
    static pg::Statement with_more("SELECT ($1::jsonb || $2::jsonb)::text", {TEXTOID, TEXTOID});
    static pg::Statement consents(
        "SELECT jsonb_build_object('consents', coalesce(jsonb_agg(to_jsonb(r) ORDER BY r.purpose), '[]'))::text"
        " FROM jsonb_to_recordset($1) AS r (purpose text, status text, granted boolean, since timestamptz,"
        " expires_at timestamptz, source text)",
        {JSONBOID});
    const pg::Result rows = [&] {
        const pg::IndexPlans by_index;
        return statement.Execute({Value::Int8(person), Value::Time(pg::Now())}, true);
    }();
    if (rows.empty() || rows[0].IsNull(0))
        throw UserError(sqlstate::kUndefinedObject, "profile " + std::to_string(person) + " does not exist",
                        "", "");
    std::string text = rows[0].Text(0);
    std::vector<std::string> details{consents.Execute({Value::Jsonb(ConsentsOf(person))}, true)[0].Text(0)};
    AddPersonDetails(person, details);
    for (const std::string& object : details)
        text = with_more.Execute({Value::Text(text), Value::Text(object)}, true)[0].Text(0);
    return text;
}

pg::Result IdentitiesOf(int64_t person) {
    static pg::Statement statement(
        "SELECT i.kind, i.value, i.profile_id, i.first_seen_at, h.id, h.merged_at, h.reason, h.linked_by"
        " FROM pulse.profile AS p "
        "JOIN pulse.identity AS i ON i.profile_id = p.id LEFT"
        " JOIN pulse.identity_kind AS k ON k.kind = i.kind "
        "LEFT JOIN LATERAL (SELECT m.* FROM pulse.merge_history AS m WHERE m.merged_id = p.id"
        " AND m.undone_at IS NULL ORDER BY m.id LIMIT 1) AS h ON true "
        "WHERE p.canonical_id = $1 ORDER BY p.id <> p.canonical_id, p.id, k.priority DESC NULLS LAST,"
        " i.kind, i.first_seen_at, i.value",
        {INT8OID});
    return statement.Execute({Value::Int8(person)}, true);
}

}  // namespace pulse::profile
