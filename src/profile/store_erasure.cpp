// Requests of erasures: what the call does itself.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "pulse/audit/store.hpp"
#include "pulse/base/error.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/pg/array.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/jsonb_reader.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/profile/identifier_search.hpp"
#include "pulse/profile/listener.hpp"
#include "pulse/profile/store_erasure.hpp"
#include "pulse/profile/store_person.hpp"
#include "pulse/profile/store_refusal.hpp"

namespace pulse::profile {

namespace {

using pg::Value;

// The reason is kept for years, without the person.
void CheckReason(const std::string& reason, const std::vector<std::string>& identifiers) {
    constexpr size_t kLongest = 1000;
    if (reason.find_first_not_of(" \t\r\n") == std::string::npos)
        ThrowInvalid(
            "a reason is required", "",
            "Give the reason in a few words without naming the person; it is kept in pulse.erasure.");
    if (CountCharacters(reason) > kLongest)
        ThrowInvalid("the reason is too long", "It has more than 1,000 characters.",
                     "Give it in a few words.");
    IdentifierSearch search;
    for (const std::string& identifier : identifiers) search.Add(0, identifier);
    if (search.Finds(reason))
        ThrowInvalid("the reason names the person", "It contains one of the ids that are erased.",
                     "The reason is kept after the erasure: write it without ids, such as a ticket number.");
}

// The erasure that refuses one of these ids. With `begun` one that has all of them, and has not yet looked
// for what was open meanwhile.
std::optional<int64_t> KnownErasure(const std::string& key, const std::vector<Identity>& ids, bool begun) {
    static pg::Statement refused(
        "SELECT max(erasure_id) FROM pulse.erased_identifier WHERE hash = ANY ($1) AND refused_until > $2",
        {BYTEAARRAYOID, TIMESTAMPTZOID});
    static pg::Statement open(
        "SELECT max(e.id) FROM (SELECT erasure_id FROM pulse.erased_identifier WHERE hash = ANY ($1)"
        " GROUP BY erasure_id HAVING count(*) = cardinality($1)) AS h JOIN pulse.erasure AS e"
        " ON e.id = h.erasure_id WHERE e.state <> 'done' AND e.place = ''",
        {BYTEAARRAYOID});
    std::vector<std::string> hashes;
    for (const Identity& id : ids) hashes.push_back(HashOf(key, id));
    const Value all = pg::Byteas(hashes);
    const pg::Result rows =
        begun ? open.Execute({all}) : refused.Execute({all, Value::Time(pg::WallClock())});
    return rows[0].Int8OrNull(0);
}

int64_t InsertErasure(const std::string& reason, const std::vector<int64_t>& profiles, Moment now,
                      Moment until, const std::string& actor) {
    static pg::Statement statement(
        "INSERT INTO pulse.erasure (reason, profiles, requested_by, requested_at, refused_until)"
        " VALUES ($1, $2, $3, $4, $5) RETURNING id",
        {TEXTOID, INT8ARRAYOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID});
    return statement
        .Execute({Value::Text(reason), Value::Int8s(profiles), Value::Text(actor), Value::Time(now),
                  Value::Time(until)})[0]
        .Int8(0);
}

// What the job looks for: the ids, and those that flags used, which may be of unknown people.
void InsertSubject(int64_t erasure, const std::vector<Identity>& ids,
                   const std::vector<std::string>& identifiers) {
    static pg::Statement statement(
        "INSERT INTO pulse.erasure_subject (erasure_id, kind, value) SELECT $1, i.kind, i.value"
        " FROM unnest($2, $3) AS i (kind, value) ON CONFLICT DO NOTHING",
        {INT8OID, TEXTARRAYOID, TEXTARRAYOID});
    std::vector<std::string> kinds, values;
    for (const Identity& id : ids) {
        kinds.push_back(id.kind);
        values.push_back(id.value);
    }
    for (const std::string& identifier : identifiers) {
        if (std::find(values.begin(), values.end(), identifier) != values.end()) continue;
        kinds.emplace_back();
        values.push_back(identifier);
    }
    statement.Execute({Value::Int8(erasure), Value::Texts(kinds), Value::Texts(values)});
}

std::vector<std::string> HashesOf(const std::string& key, const std::vector<Identity>& ids) {
    std::vector<std::string> hashes;
    for (const Identity& id : ids) hashes.push_back(HashOf(key, id));
    return hashes;
}

// Everything but the events and what else is much.
void EraseNow(int64_t erasure, const DataSubject& person) {
    for (const PersonalData& data : RegisteredPersonalData())
        if (data.before_erase) data.before_erase(person);
    NoteErased(erasure, EraseAtOnce(person), {});
}

void BeginWriting() {
    if (GetListener().before_write) GetListener().before_write();
}

Moment RefusedUntil(Moment now) {
    return now + pg::settings::erasure_refusal * kMinute;
}

}  // namespace

int64_t RequestErasure(const std::string& user, const std::string& reason, const std::string& actor) {
    CheckReason(reason, {});
    BeginWriting();
    const std::string key = LockErasures();
    const std::optional<DataSubject> person = LockSubject(user);
    const std::vector<Identity> ids = person ? ReadIdentities(person->profiles) : IdentitiesNamed(user);
    // A number of a profile says nothing about somebody who is not here.
    if (!person && (ids.empty() || user.starts_with("profile:"))) RequirePerson(user);
    // Also an id that a transaction brought back that was open during the first request: the job deletes it.
    if (const auto known = KnownErasure(key, ids, person.has_value())) {
        pg::Execute("UPDATE pulse.erasure SET next_try_at = NULL WHERE id = $1 AND next_try_at IS NOT NULL",
                    {Value::Int8(*known)});
        pg::NotifyLauncher();
        return *known;
    }
    DataSubject subject = person.value_or(DataSubject{});
    if (!person)
        for (const Identity& id : ids) subject.identifiers.push_back(id.value);
    CheckReason(reason, subject.identifiers);
    const Moment now = pg::WallClock(), until = RefusedUntil(now);
    const int64_t erasure = InsertErasure(reason, subject.profiles, now, until, actor);
    InsertSubject(erasure, ids, subject.identifiers);
    Refuse(erasure, HashesOf(key, ids), until);
    if (person) EraseNow(erasure, subject);
    audit::Write("profile.erasure_requested", "erasure:" + std::to_string(erasure),
                 {{"reason", reason}, {"profiles", subject.profiles}});
    pg::NotifyLauncher();
    return erasure;
}

int64_t AllowErased(const std::string& user) {
    const std::string key = ErasureKey();
    const std::vector<Identity> ids = IdentitiesNamed(user);
    const std::optional<int64_t> erasure = key.empty() ? std::nullopt : KnownErasure(key, ids, false);
    if (!erasure)
        throw UserError(sqlstate::kUndefinedObject, "no erased person with that id is refused", "",
                        "Events with it are accepted. Give a user id, or another id with its kind, as in "
                        "email:ann@example.com.");
    const pg::Result rows =
        pg::Execute("SELECT state FROM pulse.erasure WHERE id = $1 FOR UPDATE", {Value::Int8(*erasure)});
    if (rows[0].Text(0) != "done")
        throw UserError(sqlstate::kNotReady, "erasure " + std::to_string(*erasure) + " has not ended",
                        "Its state is " + rows[0].Text(0) + ".",
                        "The job erasures ends it; SELECT pulse_run_job('erasures') runs it now.");
    const Value now = Value::Time(pg::WallClock());
    pg::Execute("UPDATE pulse.erased_identifier SET refused_until = $2 WHERE erasure_id = $1",
                {Value::Int8(*erasure), now});
    pg::Execute("UPDATE pulse.erasure SET refused_until = $2 WHERE id = $1", {Value::Int8(*erasure), now});
    audit::Write("profile.allowed", "erasure:" + std::to_string(*erasure));
    return *erasure;
}

int64_t ReplayErasure(const ReplayedErasure& replayed, const std::string& reason,
                      const std::vector<int64_t>& people, const std::string& actor) {
    static pg::Statement mark(
        "UPDATE pulse.erasure SET key = $2::uuid, replayed = true, requested_at = $3::timestamptz,"
        " refused_until = $4::timestamptz WHERE id = $1 RETURNING refused_until",
        {INT8OID, TEXTOID, TEXTOID, TEXTOID});
    const std::string key = LockErasures();
    DataSubject all;
    std::vector<Identity> ids;
    std::vector<DataSubject> found;
    for (const int64_t id : people) {
        const auto person = LockSubject("profile:" + std::to_string(id));
        if (!person) continue;
        const std::vector<Identity> own = ReadIdentities(person->profiles);
        ids.insert(ids.end(), own.begin(), own.end());
        all.profiles.insert(all.profiles.end(), person->profiles.begin(), person->profiles.end());
        all.identifiers.insert(all.identifiers.end(), person->identifiers.begin(), person->identifiers.end());
        found.push_back(*person);
    }
    const Moment now = pg::WallClock();
    const int64_t erasure = InsertErasure(reason, all.profiles, now, RefusedUntil(now), actor);
    const Moment until =
        mark.Execute({Value::Int8(erasure), Value::Text(replayed.key), Value::Text(replayed.requested_at),
                      Value::Text(replayed.refused_until)})[0]
            .Time(0);
    InsertSubject(erasure, ids, all.identifiers);
    std::vector<std::string> hashes = HashesOf(key, ids);
    hashes.insert(hashes.end(), replayed.hashes.begin(), replayed.hashes.end());
    Refuse(erasure, hashes, until);
    for (const DataSubject& person : found) EraseNow(erasure, person);
    audit::Write("profile.erasure_replayed", "erasure:" + std::to_string(erasure),
                 {{"reason", reason}, {"profiles", all.profiles}});
    pg::NotifyLauncher();
    return erasure;
}

}  // namespace pulse::profile
