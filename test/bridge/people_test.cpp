// Calls identity resolution and accounts from SQL.
#include <nlohmann/json.hpp>

#include "pulse/pg/entry.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/profile/listener.hpp"
#include "pulse/profile/store_account.hpp"
#include "pulse/profile/store_identity_kind.hpp"
#include "pulse/profile/store_identity_resolution.hpp"
#include "pulse/profile/store_person.hpp"

namespace pg = pulse::pg;
namespace profile = pulse::profile;

namespace {

profile::Identity ReadId(const pg::Json& json) {
    return {json.at(0).get<std::string>(), json.at(1).get<std::string>()};
}

pulse::Moment ParseTimestamp(const pg::Json& json) {
    return json.contains("time") ? pulse::ParseMoment(json.at("time").get<std::string>()).value() : pg::Now();
}

}  // namespace

// Resolves claims: [{"ids": [["user_id", "u1"], …], "previous": ["anonymous_id", "a1"], "time": "…"}, …]
PULSE_FUNCTION(bridge_resolve) {
    const pg::Args args(fcinfo);
    std::vector<profile::IdentityClaim> claims;
    for (const pg::Json& one : args.RequireJsonb(0, "claims")) {
        profile::IdentityClaim claim;
        for (const pg::Json& id : one.at("ids")) claim.ids.push_back(ReadId(id));
        if (one.contains("previous")) claim.previous = ReadId(one.at("previous"));
        claim.time = ParseTimestamp(one);
        claims.push_back(std::move(claim));
    }
    pg::ResultSet result(fcinfo);
    // Room trait is linked, too, but its settings have no values in this library: there is no listener.
    const_cast<profile::Listener&>(profile::GetListener()) = {};
    {
        const pg::Identity owner = pg::Identity::Owner();
        const pg::Session session;
        for (profile::IdentityClaim& claim : claims) claim.writes = args.RequireBool(1, "lock");
        profile::ResolveIdentities(claims);
    }
    for (const profile::IdentityClaim& claim : claims)
        result.Add({pg::Value::Int8(claim.profile), pg::Value::Int8(claim.canonical),
                    pg::Value::Bool(claim.created),
                    claim.note.empty() ? pg::Value::Null(TEXTOID) : pg::Value::Text(claim.note)});
    return pg::ResultSet::Done();
}

// Finds a person: id, bucketing id, attributes, account.
PULSE_FUNCTION(bridge_find_person) {
    const pg::Args args(fcinfo);
    const auto person = profile::FindPerson(args.RequireText(0, "user"));
    if (!person) PG_RETURN_NULL();
    return pg::FromText(std::to_string(person->id) + " " + person->bucketing_id + " " +
                        pg::ToOutput(person->attributes.datum, JSONBOID) + " " +
                        pg::ToOutput(person->account.datum, JSONBOID));
}

// The normal form of an id, or why it is invalid.
PULSE_FUNCTION(bridge_normalise) {
    const pg::Args args(fcinfo);
    const std::string wanted = args.RequireText(0, "kind");
    for (const profile::IdentityKind& kind : profile::IdentityKinds()) {
        if (kind.kind != wanted) continue;
        const profile::Normalised form = profile::Normalise(kind, args.RequireText(1, "raw"));
        return pg::FromText(form.value ? *form.value : "! " + form.problem);
    }
    PG_RETURN_NULL();
}

// Writes accounts of several events: [{"key": "acme", "traits": {…}, "time": "…", "profile": 1}, …]; returns
// the changes as text.
PULSE_FUNCTION(bridge_write_accounts) {
    const pg::Json events = pg::Args(fcinfo).RequireJsonb(0, "events");
    std::string told;
    {
        const pg::Identity owner = pg::Identity::Owner();
        const pg::Session session;
        std::vector<profile::AccountWrite> writes;
        for (const pg::Json& one : events)
            writes.push_back(
                {one.at("key").get<std::string>(),
                 one.contains("traits") ? pg::Value::Jsonb(one.at("traits")) : pg::Value::Null(JSONBOID),
                 ParseTimestamp(one)});
        for (const profile::AccountChange& change : profile::WriteAccounts(writes)) {
            told += "changed " + std::to_string(change.account) + ":";
            for (const std::string& key : change.attributes) told += " " + key;
            told += " of";
            for (const int64_t member : change.members) told += " " + std::to_string(member);
            told += "; ";
        }
        std::vector<profile::AccountJoin> joins;
        for (size_t i = 0; i < writes.size(); ++i) {
            if (!events[i].contains("profile")) continue;
            const int64_t id = events[i].at("profile").get<int64_t>();
            joins.push_back({id, profile::FindPerson(id).value().id, writes[i].account, writes[i].time});
        }
        for (const int64_t person : profile::JoinAccounts(joins))
            told += "joined " + std::to_string(person) + "; ";
    }
    return pg::FromText(told);
}
