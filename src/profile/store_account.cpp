#include "pulse/profile/store_account.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "pulse/pg/array.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/profile/store_index_scan.hpp"

namespace pulse::profile {

namespace {

using pg::Value;

// Maximum number of members that the transaction changing an account evaluates itself.
constexpr int64_t kMostMembers = 1000;

// The traits of each account in a batch: later values replace earlier ones, null removes a key.
constexpr const char* kGiven =
    "WITH said AS (SELECT u.key, jsonb_object_agg(t.key, t.value ORDER BY u.n) AS traits "
    "FROM unnest($1, $2) WITH ORDINALITY AS u (key, traits, n) CROSS JOIN LATERAL jsonb_each(u.traits) AS t"
    " GROUP BY u.key), "
    "given AS (SELECT a.id, a.key, a.attributes AS old, (a.attributes || s.traits) - ARRAY(SELECT t.key"
    " FROM jsonb_each(s.traits) AS t WHERE t.value = 'null') AS new "
    "FROM said AS s JOIN pulse.account AS a USING (key)) ";

void MakeMissing(const std::vector<AccountWrite>& writes) {
    static pg::Statement statement(
        "INSERT INTO pulse.account (key, first_seen_at, updated_at) SELECT u.key, u.seen, $3"
        " FROM unnest($1, $2) AS u (key, seen) "
        "WHERE NOT EXISTS (SELECT FROM pulse.account AS a WHERE a.key = u.key) ON CONFLICT DO NOTHING",
        {TEXTARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZOID});
    std::map<std::string, Moment> first;
    for (const AccountWrite& write : writes) {
        const auto [place, made] = first.try_emplace(write.key, write.time);
        if (!made) place->second = std::min(place->second, write.time);
    }
    std::vector<std::string> keys;
    std::vector<Moment> seen;
    for (const auto& [key, moment] : first) {
        keys.push_back(key);
        seen.push_back(moment);
    }
    statement.Execute({Value::Texts(keys), pg::Times(seen), Value::Time(pg::Now())});
}

void FindIds(std::vector<AccountWrite>& writes) {
    static pg::Statement statement(
        "SELECT u.n, a.id FROM unnest($1) WITH ORDINALITY AS u (key, n) "
        "CROSS JOIN LATERAL (SELECT b.id FROM pulse.account AS b WHERE b.key = u.key OFFSET 0) AS a",
        {TEXTARRAYOID});
    std::vector<std::string> keys;
    for (const AccountWrite& write : writes) keys.push_back(write.key);
    const pg::Result rows = statement.Execute({Value::Texts(keys)});
    for (uint64_t i = 0; i < rows.size(); ++i)
        writes[static_cast<size_t>(rows[i].Int8(0) - 1)].account = rows[i].Int8(1);
}

bool Changes(const Value& keys, const Value& traits) {
    static const std::string sql =
        std::string(kGiven) + "SELECT EXISTS (SELECT FROM given AS g WHERE g.new <> g.old)";
    static pg::Statement statement(sql.c_str(), {TEXTARRAYOID, JSONBARRAYOID});
    return statement.Execute({keys, traits})[0].Bool(0);
}

// All in one statement, by ascending key and in one lock mode, so that no lock is ever upgraded.
void Lock(const std::vector<AccountWrite>& writes, bool change) {
    static pg::Statement exclusive(
        "SELECT FROM pulse.account AS a WHERE a.id = ANY ($1) ORDER BY a.key FOR NO KEY UPDATE",
        {INT8ARRAYOID});
    static pg::Statement shared(
        "SELECT FROM pulse.account AS a WHERE a.id = ANY ($1) ORDER BY a.key FOR SHARE", {INT8ARRAYOID});
    std::vector<int64_t> accounts;
    for (const AccountWrite& write : writes) accounts.push_back(write.account);
    (change ? exclusive : shared).Execute({Value::Int8s(accounts)});
}

std::vector<AccountChange> Write(const Value& keys, const Value& traits) {
    static const std::string sql =
        std::string(kGiven) +
        "UPDATE pulse.account AS a SET attributes = g.new, updated_at = $3 FROM given AS g WHERE a.id = g.id"
        " AND g.new <> g.old "
        "RETURNING a.id, ARRAY(SELECT coalesce(n.key, o.key) FROM jsonb_each(g.new) AS n FULL"
        " JOIN jsonb_each(g.old) AS o USING (key) "
        "WHERE n.value IS DISTINCT FROM o.value ORDER BY 1)";
    static pg::Statement statement(sql.c_str(), {TEXTARRAYOID, JSONBARRAYOID, TIMESTAMPTZOID});
    static pg::Statement members(
        "SELECT p.id FROM pulse.profile AS p WHERE p.account_id = $1 AND p.canonical_id = p.id LIMIT $2",
        {INT8OID, INT8OID});
    const pg::Result rows = statement.Execute({keys, traits, Value::Time(pg::Now())});
    std::vector<AccountChange> changes;
    for (uint64_t i = 0; i < rows.size(); ++i) {
        AccountChange change{rows[i].Int8(0), rows[i].Texts(1), {}, false};
        const pg::Result people =
            members.Execute({Value::Int8(change.account), Value::Int8(kMostMembers + 1)});
        change.too_large = people.size() > kMostMembers;
        for (uint64_t k = 0; k < people.size() && !change.too_large; ++k)
            change.members.push_back(people[k].Int8(0));
        changes.push_back(std::move(change));
    }
    return changes;
}

// Record when each profile was first named with each account; sorted, so that two batches cannot deadlock.
void NoteMembers(const std::vector<AccountJoin>& joins) {
    static pg::Statement statement(
        "INSERT INTO pulse.account_member AS m (account_id, profile_id, since) SELECT *"
        " FROM unnest($1, $2, $3) "
        "ON CONFLICT (account_id, profile_id) DO UPDATE SET since = excluded.since"
        " WHERE excluded.since < m.since",
        {INT8ARRAYOID, INT8ARRAYOID, TIMESTAMPTZARRAYOID});
    std::map<std::pair<int64_t, int64_t>, Moment> first;
    for (const AccountJoin& join : joins) {
        const auto [place, made] = first.try_emplace({join.account, join.profile}, join.time);
        if (!made) place->second = std::min(place->second, join.time);
    }
    std::vector<int64_t> accounts, profiles;
    std::vector<Moment> since;
    for (const auto& [pair, moment] : first) {
        accounts.push_back(pair.first);
        profiles.push_back(pair.second);
        since.push_back(moment);
    }
    statement.Execute({Value::Int8s(accounts), Value::Int8s(profiles), pg::Times(since)});
}

}  // namespace

std::vector<AccountChange> WriteAccounts(std::vector<AccountWrite>& writes) {
    if (writes.empty()) return {};
    const ForceIndexScans force_index;
    MakeMissing(writes);
    FindIds(writes);
    std::vector<std::string> keys;
    std::vector<Value> traits;
    for (const AccountWrite& write : writes) {
        if (write.traits.null) continue;
        keys.push_back(write.key);
        traits.push_back(write.traits);
    }
    const Value key_array = Value::Texts(keys), trait_array = pg::Jsonbs(traits);
    const bool change = !keys.empty() && Changes(key_array, trait_array);
    Lock(writes, change);
    if (!change) return {};
    return Write(key_array, trait_array);
}

std::vector<int64_t> JoinAccounts(const std::vector<AccountJoin>& joins) {
    static pg::Statement statement(
        "UPDATE pulse.profile AS p SET account_id = u.account, updated_at = $3"
        " FROM unnest($1, $2) AS u (id, account) "
        "WHERE p.id = u.id AND p.account_id IS DISTINCT FROM u.account RETURNING p.id",
        {INT8ARRAYOID, INT8ARRAYOID, TIMESTAMPTZOID});
    if (joins.empty()) return {};
    const ForceIndexScans force_index;
    NoteMembers(joins);
    std::map<int64_t, int64_t> last;
    for (const AccountJoin& join : joins) last[join.canonical] = join.account;
    std::vector<int64_t> people, accounts, changed;
    for (const auto& [person, account] : last) {
        people.push_back(person);
        accounts.push_back(account);
    }
    const pg::Result rows =
        statement.Execute({Value::Int8s(people), Value::Int8s(accounts), Value::Time(pg::Now())});
    for (uint64_t i = 0; i < rows.size(); ++i) changed.push_back(rows[i].Int8(0));
    return changed;
}

}  // namespace pulse::profile
