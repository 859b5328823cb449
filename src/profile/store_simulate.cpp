// Simulating merges and other limits, without changes.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "pulse/base/json.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/profile/store_describe.hpp"
#include "pulse/profile/store_identity_kind.hpp"
#include "pulse/profile/store_resolution_facts.hpp"

namespace pulse::profile {

namespace {

using pg::Value;

constexpr const char* kSimulate =
    "WITH s AS (SELECT * FROM pulse.person WHERE profile_id = $1), m AS (SELECT * FROM pulse.person"
    " WHERE profile_id = $2) "
    "SELECT jsonb_build_object('survivor', s.profile_id, 'merged', m.profile_id, 'refused', $3::text,"
    " 'bucketing_id', s.bucketing_id, "
    "'account', coalesce(s.account, m.account), 'first_seen_at', least(s.first_seen_at, m.first_seen_at), "
    "'last_seen_at', greatest(s.last_seen_at, m.last_seen_at), "
    "'identities', jsonb_build_object('survivor', s.identities, 'merged', m.identities), "
    "'profiles', jsonb_build_object('survivor', s.profiles, 'merged', m.profiles), "
    "'events', jsonb_build_object('survivor', (SELECT count(*) FROM pulse.profile AS p"
    " JOIN pulse.event AS e ON e.profile_id = p.id WHERE p.canonical_id = $1), "
    "'merged', (SELECT count(*) FROM pulse.profile AS p JOIN pulse.event AS e ON e.profile_id = p.id"
    " WHERE p.canonical_id = $2)), "
    "'attributes', jsonb_build_object('conflicts', (SELECT coalesce(jsonb_object_agg(a.key,"
    " jsonb_build_object('kept', a.value, 'lost', m.attributes -> a.key)), '{}') "
    "FROM jsonb_each(s.attributes) AS a WHERE m.attributes ? a.key AND m.attributes -> a.key <> a.value), "
    "'filled', m.attributes - ARRAY(SELECT jsonb_object_keys(s.attributes))))::text FROM s, m";

// People with more values of the kind than allowed, each with the largest number within one window.
constexpr const char* kOver =
    "WITH value AS (SELECT p.canonical_id AS person, i.value, count(*) OVER (PARTITION BY p.canonical_id"
    " ORDER BY i.first_seen_at "
    "RANGE BETWEEN $3 PRECEDING AND CURRENT ROW) AS within FROM pulse.identity AS i"
    " JOIN pulse.profile AS p ON p.id = i.profile_id WHERE i.kind = $1), "
    "person AS (SELECT v.person, max(v.within) AS most, count(*) FILTER (WHERE v.within > $2) AS refused"
    " FROM value AS v GROUP BY v.person HAVING max(v.within) > $2) "
    "SELECT count(*), coalesce(sum(refused), 0)::bigint, coalesce((SELECT"
    " jsonb_agg(jsonb_build_object('profile_id', t.person, 'values', t.most) ORDER BY t.most DESC, t.person) "
    "FROM (SELECT * FROM person ORDER BY most DESC, person LIMIT 20) AS t), '[]') FROM person";

constexpr const char* kMerges =
    "SELECT count(*) FROM pulse.merge_history AS h WHERE h.undone_at IS NULL AND EXISTS (SELECT"
    " FROM jsonb_to_recordset(h.linked_by) AS l (kind text, value text) "
    "WHERE l.kind = $1 AND l.value = ANY ($2))";

// The existing values that a list of blocked values would reject.
std::vector<std::string> Blocked(const IdentityKind& kind) {
    std::vector<std::string> taken;
    pg::Cursor cursor("SELECT value FROM pulse.identity WHERE kind = $1 ORDER BY value",
                      {Value::Text(kind.kind)});
    while (true) {
        pg::CheckInterrupts();
        const pg::Result rows = cursor.Fetch(1000);
        if (rows.empty()) return taken;
        for (uint64_t i = 0; i < rows.size(); ++i) {
            std::string value = rows[i].Text(0);
            if (!Normalise(kind, value).value) taken.push_back(std::move(value));
        }
    }
}

}  // namespace

std::string SimulateMerge(int64_t one, int64_t other) {
    if (one == other)
        throw UserError(sqlstate::kInvalidParameter, "both ids belong to the same person",
                        "Both belong to profile:" + std::to_string(one) + ".",
                        "pulse_profile() shows all ids of a person, and the reasons of its merges.");
    ResolutionFacts facts;
    ReadPeople({one, other}, facts);
    const bool keeps = Survives(one, facts.people[one], other, facts.people[other]);
    const int64_t survivor = keeps ? one : other, merged = keeps ? other : one;
    std::string refused = MergeRefusal(facts.people[survivor], facts.people[merged], pg::Now(),
                                       IdentityKinds(), pg::settings::max_linked);
    if (!facts.unmerged.empty()) refused = "a merge of the two was undone";
    const Value why = refused.empty() ? Value::Null(TEXTOID) : Value::Text(refused);
    return pg::Execute(kSimulate, {Value::Int8(survivor), Value::Int8(merged), why}, true)[0].Text(0);
}

std::string SimulateIdentityKind(const std::string& name, std::optional<int> max_values,
                                 std::optional<int64_t> window,
                                 const std::optional<std::vector<std::string>>& blocked) {
    const std::vector<IdentityKind>& kinds = IdentityKinds();
    const auto found =
        std::find_if(kinds.begin(), kinds.end(), [&](const IdentityKind& kind) { return kind.kind == name; });
    if (found == kinds.end())
        throw UserError(sqlstate::kUndefinedObject, "kind of ids \"" + name + "\" does not exist", "",
                        "pulse.identity_kind lists all kinds.");
    IdentityKind kind = *found;
    if (max_values) kind.max_values = *max_values;
    if (window) kind.window = *window;
    if (blocked) SetBlocked(kind, *blocked);
    pg::Json told = {{"kind", kind.kind},
                     {"max_values", kind.max_values},
                     {"people_over", 0},
                     {"values_refused", 0},
                     {"examples", pg::Json::array()}};
    if (kind.max_values > 0) {
        const std::string span =
            kind.window > 0 ? std::to_string(kind.window - 1) + " microseconds" : "1000 years";
        const pg::Result window_value = pg::Execute("SELECT $1::interval", {Value::Text(span)}, true);
        const pg::Result over = pg::Execute(kOver,
                                            {Value::Text(kind.kind),
                                             Value::Int8(kind.max_values),
                                             {INTERVALOID, window_value[0].Raw(0), false}},
                                            true);
        told["people_over"] = over[0].Int8(0);
        told["values_refused"] = over[0].Int8(1);
        told["examples"] = over[0].Jsonb(2);
    }
    std::vector<std::string> taken = Blocked(kind);
    told["values_blocked"] = taken.size();
    told["merges_by_blocked"] =
        pg::Execute(kMerges, {Value::Text(kind.kind), Value::Texts(taken)}, true)[0].Int8(0);
    if (taken.size() > 20) taken.resize(20);
    told["blocked_examples"] = taken;
    return DumpJson(told);
}

}  // namespace pulse::profile
