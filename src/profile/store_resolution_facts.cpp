#include "pulse/profile/store_resolution_facts.hpp"

#include <algorithm>

#include "pulse/pg/array.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/profile/store_identity_kind.hpp"

namespace pulse::profile {

namespace {

using pg::Value;

void ReadKinds(const std::vector<int64_t>& people, ResolutionFacts& facts) {
    static pg::Statement statement(
        "SELECT m.canonical_id, k.kind, t.first_seen_at FROM unnest($1) AS u (id) "
        "CROSS JOIN LATERAL (SELECT q.id, q.canonical_id FROM pulse.profile AS q"
        " WHERE q.canonical_id = u.id OFFSET 0) AS m "
        "CROSS JOIN unnest($2, $3) AS k (kind, most) "
        "CROSS JOIN LATERAL (SELECT i.first_seen_at FROM pulse.identity AS i WHERE i.profile_id = m.id"
        " AND i.kind = k.kind "
        "ORDER BY i.first_seen_at DESC LIMIT k.most) AS t",
        {INT8ARRAYOID, TEXTARRAYOID, INT8ARRAYOID});
    std::vector<std::string> names;
    std::vector<int64_t> most;
    std::map<std::string, const IdentityKind*> kinds;
    for (const IdentityKind& kind : IdentityKinds()) {
        kinds[kind.kind] = &kind;
        names.push_back(kind.kind);
        // One more than allowed is as good as all.
        most.push_back(kind.max_values + 1);
    }
    const pg::Result rows =
        statement.Execute({Value::Int8s(people), Value::Texts(names), Value::Int8s(most)});
    for (uint64_t i = 0; i < rows.size(); ++i) {
        PersonFacts& person = facts.people[rows[i].Int8(0)];
        const IdentityKind& kind = *kinds.at(rows[i].Text(1));
        person.best = std::max(person.best, kind.priority);
        if (kind.max_values > 0) person.seen[kind.kind].push_back(rows[i].Time(2));
    }
}

}  // namespace

const pg::Probe& ProfileProbe() {
    static const pg::Probe probe("profile", "profile_pkey", {2});
    return probe;
}

ResolutionFacts ReadIds(const std::vector<IdentityClaim>& claims, Holders& holders) {
    static const pg::Probe identities("identity", "identity_pkey", {3});
    std::set<Identity> wanted;
    for (const IdentityClaim& claim : claims) {
        wanted.insert(claim.ids.begin(), claim.ids.end());
        if (claim.previous) wanted.insert(*claim.previous);
    }
    std::vector<Datum> keys;
    for (const Identity& id : wanted) {
        keys.push_back(pg::FromText(id.kind));
        keys.push_back(pg::FromText(id.value));
    }
    const std::vector<std::optional<int64_t>> owners = identities.FindInt8s(keys);
    keys.clear();
    for (const std::optional<int64_t>& owner : owners)
        if (owner) keys.push_back(Int64GetDatum(*owner));
    std::vector<pg::RowHolder> held;
    const std::vector<std::optional<int64_t>> people = ProfileProbe().FindInt8s(keys, held);
    for (const pg::RowHolder& row : held)
        if (people[row.place]) holders[*people[row.place]] = row.transaction;
    ResolutionFacts facts;
    auto id = wanted.begin();
    auto person = people.begin();
    for (const std::optional<int64_t>& owner : owners) {
        if (owner && *person)
            facts.ids.emplace_hint(facts.ids.end(), *id, ResolutionFacts::Owner{*owner, **person});
        person += owner.has_value();
        ++id;
    }
    return facts;
}

void ReadPeople(const std::set<int64_t>& wanted, ResolutionFacts& facts) {
    static pg::Statement sizes(
        "SELECT p.id, p.first_seen_at, (SELECT count(*) FROM pulse.profile AS m WHERE m.canonical_id = p.id) "
        "FROM unnest($1) AS u (id) CROSS JOIN LATERAL (SELECT * FROM pulse.profile AS q"
        " WHERE q.id = u.id OFFSET 0) AS p",
        {INT8ARRAYOID});
    static pg::Statement apart(
        "SELECT s.canonical_id, m.canonical_id FROM pulse.profile AS m "
        "JOIN pulse.merge_history AS h ON h.merged_id = m.id AND h.undone_at IS NOT NULL "
        "JOIN pulse.profile AS s ON s.id = h.survivor_id "
        "WHERE m.canonical_id = ANY ($1) AND s.canonical_id = ANY ($1) AND s.canonical_id <> m.canonical_id",
        {INT8ARRAYOID});
    if (wanted.empty()) return;
    const std::vector<int64_t> people(wanted.begin(), wanted.end());
    const pg::Result rows = sizes.Execute({Value::Int8s(people)});
    for (uint64_t i = 0; i < rows.size(); ++i) {
        PersonFacts& person = facts.people[rows[i].Int8(0)];
        person.first_seen_at = rows[i].Time(1);
        person.profiles = static_cast<int>(rows[i].Int8(2));
    }
    ReadKinds(people, facts);
    if (people.size() < 2) return;
    const pg::Result pairs = apart.Execute({Value::Int8s(people)});
    for (uint64_t i = 0; i < pairs.size(); ++i) {
        const int64_t one = pairs[i].Int8(0), other = pairs[i].Int8(1);
        facts.unmerged.insert({std::min(one, other), std::max(one, other)});
    }
}

}  // namespace pulse::profile
