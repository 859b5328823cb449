// Creating, rotating and revoking API keys.
#include "pulse/web/store_key.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "pulse/audit/store.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/interval.hpp"
#include "pulse/pg/random.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/web/store_event_source.hpp"
#include "pulse/web/store_lock.hpp"

namespace pulse::web {

namespace {

using pg::Value;

constexpr const char* kRights = "an API key";

void CheckName(const std::string& name) {
    const size_t length = CountCharacters(name);
    const auto control = [](unsigned char c) { return c < ' ' || c == 127; };
    const auto wide_control = [](unsigned char c, unsigned char next) { return c == 0xC2 && next < 0xA0; };
    const bool printable = std::none_of(name.begin(), name.end(), control) &&
                           std::adjacent_find(name.begin(), name.end(), wide_control) == name.end();
    if (length < 1 || length > 255 || !printable)
        ThrowInvalid("invalid name of an API key",
                     printable ? "It has " + std::to_string(length) + " characters."
                               : "It contains a control character.",
                     "Give 1 to 255 characters, none of them a control character.");
}

// The expiry to store.
std::optional<Moment> CheckExpiry(const std::optional<Moment>& expires) {
    if (!expires || *expires == DT_NOEND) return std::nullopt;
    const Moment now = pg::WallClock();
    // The audit log shows years of four digits.
    if (*expires > now + pg::kLongestInterval)
        ThrowInvalid("\"expires\" is too far away",
                     "It is " + pg::ToOutput(TimestampTzGetDatum(*expires), TIMESTAMPTZOID) + ".",
                     "Give a time in the next 100 years, or null for a key that does not expire.");
    if (*expires <= now)
        ThrowInvalid("the API key would have expired already",
                     "\"expires\" is " + pg::ToOutput(TimestampTzGetDatum(*expires), TIMESTAMPTZOID) + ".",
                     "Give a time in the future, or null for a key that does not expire.");
    return expires;
}

void CheckRate(const std::optional<int32_t>& rate) {
    if (rate && *rate < 1)
        ThrowInvalid(
            "\"rate\" must be at least 1", "It is " + std::to_string(*rate) + ".",
            "Give the most requests in a minute, or null for no limit; pulse_revoke_api_key() ends a key.");
}

struct StoredKey {
    int64_t id;
    std::string role;
    KeyKind kind;
    bool revoked;
    std::optional<Moment> expires;
};

StoredKey Read(const std::string& name, const char* lock) {
    const pg::Result rows =
        pg::Execute(std::string("SELECT id, pulse.role_name(runs_as, role_oid), kind, revoked_at IS NOT NULL,"
                                " expires_at FROM pulse.api_key WHERE name = $1 ") +
                        lock,
                    {Value::Text(name)});
    if (!rows.empty())
        return {rows[0].Int8(0), rows[0].Text(1), ParseKeyKind(rows[0].Text(2)), rows[0].Bool(3),
                rows[0].TimeOrNull(4)};
    const std::vector<std::string> names =
        pg::Execute(
            "SELECT coalesce(array_agg(k.name), '{}')"
            " FROM (SELECT name FROM pulse.api_key ORDER BY name LIMIT 1000) AS k")[0]
            .Texts(0);
    throw UserError(sqlstate::kUndefinedObject, "API key \"" + Shorten(name, 255) + "\" does not exist", "",
                    names.empty() ? "There are no API keys yet; create one with pulse_create_api_key()."
                                  : SuggestName(name, names, "API keys"));
}

StoredKey Lock(const std::string& name) {
    return WithLock("API key", name, [&] { return Read(name, "FOR NO KEY UPDATE"); });
}

KeyText WriteSecret(int64_t id, KeyKind kind) {
    const KeyText key = MakeKey(kind, pg::RandomBytes);
    pg::Execute(
        "INSERT INTO pulse.api_key_secret (prefix, key_id, digest) VALUES ($1, $2, $3)",
        {Value::Text(key.prefix), Value::Int8(id), Value{BYTEAOID, pg::FromBytes(Digest(key.text)), false}});
    return key;
}

pg::Json TimeJson(const std::optional<Moment>& moment) {
    return moment ? pg::Json(FormatMoment(*moment)) : pg::Json();
}

std::optional<int64_t> Insert(const NewKey& key, const std::optional<Moment>& expires,
                              const std::string& creator) {
    const pg::Result made = pg::Execute(
        "INSERT INTO pulse.api_key (name, kind, runs_as, origins, rate, created_by, expires_at, source)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (name) DO NOTHING RETURNING id",
        {Value::Text(key.name), Value::Text(Name(key.kind)), Value::Name(key.role),
         key.origins ? Value::Texts(*key.origins) : Value::Null(TEXTARRAYOID),
         key.rate ? Value::Int4(*key.rate) : Value::Null(INT4OID), Value::Text(creator), Value::Time(expires),
         Value::Text(key.source)});
    return made.empty() ? std::nullopt : std::optional(made[0].Int8(0));
}

void RequireUsable(const std::string& name, const StoredKey& key, bool renewed) {
    if (key.revoked)
        throw UserError(sqlstate::kNotReady, "API key \"" + name + "\" is revoked", "",
                        "Create another one with pulse_create_api_key().");
    if (!renewed && key.expires && *key.expires <= pg::WallClock())
        throw UserError(sqlstate::kNotReady, "API key \"" + name + "\" has expired",
                        "It expired at " + FormatMoment(*key.expires) + ".",
                        "Give \"expires\", too, or create another key with pulse_create_api_key().");
}

}  // namespace

std::string CreateKey(const NewKey& key) {
    CheckName(key.name);
    CheckRate(key.rate);
    const std::optional<Moment> expires = CheckExpiry(key.expires);
    pg::RequireRightsToHandOut(key.role, kRights);
    const std::string creator = pg::ActorName();
    const pg::OwnerSession session;
    if (key.source) RequireSourceOfKey(*key.source, key.kind);
    const std::optional<int64_t> id =
        WithLock("API key", key.name, [&] { return Insert(key, expires, creator); });
    if (!id)
        throw UserError(sqlstate::kDuplicateObject, "API key \"" + key.name + "\" already exists", "",
                        "Choose another name, or give that key a new text with pulse_rotate_api_key().");
    const KeyText text = WriteSecret(*id, key.kind);
    audit::Write("api_key.created", key.name,
                 {{"kind", Name(key.kind)},
                  {"role", key.role},
                  {"prefix", text.prefix},
                  {"expires_at", TimeJson(expires)},
                  {"source", key.source ? pg::Json(*key.source) : pg::Json()},
                  {"origins", key.origins ? pg::Json(*key.origins) : pg::Json()},
                  {"rate", key.rate ? pg::Json(*key.rate) : pg::Json()}});
    return text.text;
}

std::string RotateKey(const std::string& name, int64_t keep, const std::optional<Moment>& expires) {
    std::string role;
    {
        const pg::OwnerSession session;
        role = Read(name, "").role;
    }
    pg::RequireRightsToHandOut(role, kRights);
    const std::optional<Moment> end = CheckExpiry(expires);
    const pg::OwnerSession session;
    const StoredKey key = Lock(name);
    RequireUsable(name, key, expires.has_value());
    const Moment now = pg::WallClock();
    // What ended with the key does not come back with it.
    const Moment old_until = key.expires && *key.expires <= now ? now : now + keep;
    pg::Execute("DELETE FROM pulse.api_key_secret WHERE key_id = $1 AND expires_at <= $2",
                {Value::Int8(key.id), Value::Time(now)});
    pg::Execute("UPDATE pulse.api_key_secret SET expires_at = least(expires_at, $2) WHERE key_id = $1",
                {Value::Int8(key.id), Value::Time(old_until)});
    pg::Execute(
        "UPDATE pulse.api_key SET rotated_at = $2, expires_at = CASE WHEN $3 THEN $4 ELSE expires_at END"
        " WHERE id = $1",
        {Value::Int8(key.id), Value::Time(now), Value::Bool(expires.has_value()), Value::Time(end)});
    const KeyText text = WriteSecret(key.id, key.kind);
    audit::Write("api_key.rotated", name,
                 {{"prefix", text.prefix},
                  {"old_until", FormatMoment(old_until)},
                  {"expires_at", TimeJson(expires ? end : key.expires)}});
    return text.text;
}

std::vector<int64_t> UsableRoles() {
    std::vector<int64_t> usable = pg::Execute(
                                      "SELECT ARRAY(SELECT DISTINCT role_oid::bigint FROM pulse.api_key"
                                      " WHERE role_oid IS NOT NULL)",
                                      {}, true)[0]
                                      .Int8s(0);
    std::erase_if(usable, [](int64_t role) { return !pg::MayHandOut(static_cast<Oid>(role)); });
    return usable;
}

void RevokeKey(const std::string& name) {
    const pg::OwnerSession session;
    const StoredKey key = Lock(name);
    if (key.revoked) return;
    pg::Execute("UPDATE pulse.api_key SET revoked_at = $2 WHERE id = $1",
                {Value::Int8(key.id), Value::Time(pg::WallClock())});
    audit::Write("api_key.revoked", name);
}

}  // namespace pulse::web
