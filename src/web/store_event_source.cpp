// Creating, changing and deleting event sources.
#include "pulse/web/store_event_source.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "pulse/audit/store.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/profile/store_ingest.hpp"
#include "pulse/web/store_lock.hpp"

namespace pulse::web {

namespace {

using pg::Value;

constexpr std::array kSourceKinds = {"website", "server", "sgtm", "import", "crm"};

void CheckSourceKind(const std::string& kind) {
    if (std::find(kSourceKinds.begin(), kSourceKinds.end(), kind) == kSourceKinds.end())
        ThrowInvalid("unknown kind \"" + Shorten(kind, 100) + "\" of an event source", "",
                     "Kinds are website, server, sgtm, import, crm.");
}

void CheckDescription(const std::optional<std::string>& description) {
    constexpr size_t kMost = 1000;
    if (!description || CountCharacters(*description) <= kMost) return;
    ThrowInvalid("the description of an event source is too long",
                 "It has " + std::to_string(CountCharacters(*description)) + " characters.",
                 "At most " + std::to_string(kMost) + " are allowed.");
}

// Everybody can read the key of a website.
KeyKind KindOfKeys(std::string_view kind) {
    return kind == "website" ? KeyKind::kPublic : KeyKind::kWrite;
}

// The kind of a source, whose row stays locked.
std::string LockSource(const std::string& name, const char* lock) {
    const pg::Result rows = WithLock("event source", name, [&] {
        return pg::Execute(
            std::string("SELECT kind FROM pulse.registered_source WHERE name = $1 FOR ") + lock,
            {Value::Text(name)});
    });
    if (!rows.empty()) return rows[0].Text(0);
    const std::vector<std::string> names =
        pg::Execute(
            "SELECT coalesce(array_agg(s.name), '{}')"
            " FROM (SELECT name FROM pulse.registered_source ORDER BY name LIMIT 1000) AS s")[0]
            .Texts(0);
    throw UserError(sqlstate::kUndefinedObject, "event source \"" + Shorten(name, 255) + "\" does not exist",
                    "",
                    names.empty() ? "There are no event sources yet; create one with "
                                    "pulse_create_event_source()."
                                  : SuggestName(name, names, "Event sources"));
}

// An older snapshot may not show keys that were made meanwhile.
void RequireFreshKeys() {
    if (IsolationUsesXactSnapshot())
        throw UserError(sqlstate::kActiveTransaction, "event sources can be changed only in READ COMMITTED",
                        "", "Change them outside a transaction block, or in a READ COMMITTED transaction.");
}

// A key of another kind would be left behind.
void RequireSameKeys(const std::string& name, const std::string& kind) {
    const pg::Result keys = pg::Execute(
        "SELECT name, kind FROM pulse.api_key WHERE source = $1 AND kind <> $2 AND revoked_at IS NULL"
        " ORDER BY name LIMIT 1",
        {Value::Text(name), Value::Text(Name(KindOfKeys(kind)))});
    if (keys.empty()) return;
    throw UserError(sqlstate::kNotReady,
                    "event source \"" + name + "\" cannot become " + InQuotes(kind) + " while it has keys",
                    "Its key " + InQuotes(keys[0].Text(0)) + " is of kind " + keys[0].Text(1) + ".",
                    "Revoke it with pulse_revoke_api_key(), change the kind, and make another key with "
                    "pulse_create_api_key().");
}

// With a better hint than CreateKey() can give: the key of a source that was deleted keeps its name.
void RequireFreeKeyName(const std::string& name) {
    if (!pg::Execute("SELECT FROM pulse.api_key WHERE name = $1", {Value::Text(name)}).empty())
        throw UserError(sqlstate::kDuplicateObject, "API key \"" + name + "\" already exists", "",
                        "Give the key of the source another name: key => ...");
}

}  // namespace

std::string CreateEventSource(const std::string& kind, const std::optional<std::string>& description,
                              NewKey key) {
    const std::string name = key.source.value();
    profile::CheckSource(name);
    CheckSourceKind(kind);
    CheckDescription(description);
    key.kind = KindOfKeys(kind);
    const std::string creator = pg::ActorName();
    {
        const pg::OwnerSession session;
        const pg::Result made = WithLock("event source", name, [&] {
            return pg::Execute(
                "INSERT INTO pulse.registered_source (name, kind, description, created_by)"
                " VALUES ($1, $2, nullif($3, ''), $4) ON CONFLICT (name) DO NOTHING RETURNING name",
                {Value::Text(name), Value::Text(kind), Value::Text(description), Value::Text(creator)});
        });
        if (made.empty())
            throw UserError(sqlstate::kDuplicateObject, "event source \"" + name + "\" already exists", "",
                            "Choose another name, or make another key for it with pulse_create_api_key().");
        RequireFreeKeyName(key.name);
        audit::Write("event_source.created", name, {{"kind", kind}, {"key", key.name}});
    }
    return CreateKey(key);
}

void UpdateEventSource(const std::string& name, const std::optional<std::string>& kind,
                       const std::optional<std::string>& description) {
    if (kind) CheckSourceKind(*kind);
    CheckDescription(description);
    RequireFreshKeys();
    const pg::OwnerSession session;
    const std::string before = LockSource(name, "NO KEY UPDATE");
    if (kind) RequireSameKeys(name, *kind);
    pg::Execute(
        "UPDATE pulse.registered_source SET kind = coalesce($2, kind),"
        " description = nullif(coalesce($3, description), '') WHERE name = $1",
        {Value::Text(name), Value::Text(kind), Value::Text(description)});
    audit::Write("event_source.updated", name, {{"kind", kind.value_or(before)}});
}

void DeleteEventSource(const std::string& name) {
    RequireFreshKeys();
    std::vector<std::string> keys;
    {
        const pg::OwnerSession session;
        LockSource(name, "UPDATE");
        keys = pg::Execute(
                   "SELECT coalesce(array_agg(name ORDER BY name), '{}') FROM pulse.api_key"
                   " WHERE source = $1 AND revoked_at IS NULL",
                   {Value::Text(name)})[0]
                   .Texts(0);
        pg::Execute("DELETE FROM pulse.registered_source WHERE name = $1", {Value::Text(name)});
        audit::Write("event_source.deleted", name);
    }
    for (const std::string& key : keys) RevokeKey(key);
}

void RequireSourceOfKey(const std::string& name, KeyKind kind) {
    const std::string source = LockSource(name, "SHARE");
    if (KindOfKeys(source) != kind)
        ThrowInvalid(std::string("an API key of kind \"") + Name(kind) +
                         "\" cannot belong to event source \"" + name + "\"",
                     "The source is of kind " + source + ".",
                     std::string("Give the kind \"") + Name(KindOfKeys(source)) + "\".");
}

}  // namespace pulse::web
