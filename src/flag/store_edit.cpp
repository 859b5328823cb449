// Creating and changing flags; definitions are checked against the database.
#include <algorithm>

#include "pulse/audit/store.hpp"
#include "pulse/base/error.hpp"
#include "pulse/flag/store_flag.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/probe.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/rule/parser.hpp"
#include "pulse/rule/store.hpp"

namespace pulse::flag {

namespace {

using pg::Value;

struct FlagRow {
    int64_t id;
    Definition definition;
    std::string salt;
    bool enabled;
    bool archived;
    int32_t version;
};

void SetLockTimeout() {
    pg::SetLocally("lock_timeout", std::to_string(pg::settings::lock_timeout).c_str());
}

// Lock definitions against changes until the end of the transaction. Does not block writing events and
// switching flags.
void LockDefinitionChanges() {
    SetLockTimeout();
    try {
        pg::Execute("LOCK TABLE pulse.definition IN SHARE UPDATE EXCLUSIVE MODE");
    } catch (const pg::Error& error) {
        if (error.State() != sqlstate::kLockNotAvailable) throw;
        throw UserError(sqlstate::kLockNotAvailable, "flags cannot be changed now",
                        "A transaction that changes flags, traits or segments has been open for longer than "
                        "pulse.lock_timeout.",
                        "Try again; pg_locks shows the sessions that hold a lock on pulse.definition.");
    }
}

FlagRow RequireRow(const std::string& key, const char* lock) {
    const pg::Result rows = pg::Execute(
        std::string("SELECT id, definition, salt, enabled, archived_at IS NOT NULL, version FROM pulse.flag"
                    " WHERE key = $1 ") +
            lock,
        {Value::Text(key)});
    if (rows.empty()) ThrowUnknownFlag(key);
    const pg::Row row = rows[0];
    return {row.Int8(0), ReadDefinition(row.Jsonb(1)), row.Text(2), row.Bool(3), row.Bool(4), row.Int4(5)};
}

FlagRow LockRow(const std::string& key, const char* lock) {
    SetLockTimeout();
    try {
        return RequireRow(key, lock);
    } catch (const pg::Error& error) {
        if (error.State() != sqlstate::kLockNotAvailable) throw;
        throw UserError(
            sqlstate::kLockNotAvailable, "flag \"" + key + "\" cannot be changed now",
            "A transaction that changes it has been open for longer than pulse.lock_timeout.",
            "Try again, or end that transaction; pg_stat_activity shows it, and pg_locks shows the sessions "
            "that wait for it.");
    }
}

std::string Names(const pg::Result& rows) {
    std::string text;
    for (uint64_t i = 0; i < rows.size(); ++i) text += (i > 0 ? ", " : "") + rows[i].Text(0);
    return text;
}

void RequireUnused(const std::string& key, const char* doing) {
    const pg::Result rows =
        pg::Execute("SELECT key FROM pulse.flag WHERE $1 = ANY (flags) AND key <> $1 ORDER BY key LIMIT 20",
                    {Value::Text(key)});
    if (!rows.empty())
        throw UserError(sqlstate::kNotReady,
                        std::string("cannot ") + doing + " flag \"" + key + "\": other flags require it",
                        "It is required by " + Names(rows) + ".",
                        "Remove it from their \"prerequisites\" first.");
}

void CheckPrerequisites(const std::string& key, const Definition& definition, const References& uses) {
    if (uses.flags.empty()) return;
    std::map<std::string, std::vector<std::string>> others;
    const pg::Result rows = pg::Execute("SELECT key, flags FROM pulse.flag WHERE flags <> '{}'", {});
    for (uint64_t i = 0; i < rows.size(); ++i) others[rows[i].Text(0)] = rows[i].Texts(1);
    others.erase(key);
    const std::string cycle = FindCycle(key, uses.flags, others);
    if (!cycle.empty())
        throw UserError(sqlstate::kInvalidDefinition, "the prerequisites of flags would form a cycle", cycle,
                        "Remove one of them from the \"prerequisites\" of the other.");
    for (const Prerequisite& prerequisite : definition.prerequisites) {
        const FlagRow required = RequireRow(prerequisite.flag, "");
        for (const std::string& variant : prerequisite.variants)
            RequireVariant(required.definition, variant, "flag " + prerequisite.flag);
    }
}

// Throw if the definition removes variants that other flags require.
void RequireVariantsKept(const std::string& key, const Definition& definition) {
    const pg::Result rows = pg::Execute(
        "SELECT key, definition FROM pulse.flag WHERE $1 = ANY (flags) AND key <> $1 ORDER BY key",
        {Value::Text(key)});
    std::string others;
    for (uint64_t i = 0; i < rows.size(); ++i)
        for (const Prerequisite& prerequisite : ReadDefinition(rows[i].Jsonb(1)).prerequisites) {
            if (prerequisite.flag != key) continue;
            for (const std::string& variant : prerequisite.variants)
                if (std::none_of(definition.variants.begin(), definition.variants.end(),
                                 [&](const Variant& one) { return one.name == variant; }))
                    others += (others.empty() ? "" : ", ") + rows[i].Text(0) + " (" + variant + ")";
        }
    if (!others.empty())
        throw UserError(
            sqlstate::kNotReady, "cannot remove variants of flag \"" + key + "\" that other flags require",
            "They are required by " + others + ".", "Change the \"prerequisites\" of these flags first.");
}

// Check a definition against the database. Returns its references.
References Check(const std::string& key, const Definition& definition) {
    References uses = FindReferences(definition);
    CheckPrerequisites(key, definition, uses);
    CompileRules(definition, true);
    for (const FlagRule& rule : definition.rules)
        if (!rule.when.empty()) rule::CheckPatterns(*rule::Parse(rule.when));
    return uses;
}

Json StoredJson(Definition definition) {
    definition.salt.reset();
    definition.enabled.reset();
    return ToJson(definition);
}

void WriteVersion(int64_t id, const std::string& change, const std::string& editor) {
    pg::Execute(
        "INSERT INTO pulse.flag_version (flag_id, version, definition, enabled, change, changed_by,"
        " changed_at) "
        "SELECT id, version, definition, enabled, $2, $3, $4 FROM pulse.flag WHERE id = $1",
        {Value::Int8(id), Value::Text(change), Value::Text(editor), Value::Time(pg::Now())});
    pg::Watch::Announce("flag");
}

// Null for an empty text.
Value OrNull(const std::optional<std::string>& text) {
    return text && text->find_first_not_of(" \t\r\n") != std::string::npos ? Value::Text(*text)
                                                                           : Value::Null(TEXTOID);
}

void CheckDescription(const std::optional<std::string>& description) {
    if (description && description->size() > 10'000)
        throw UserError(sqlstate::kInvalidParameter, "the description is too long",
                        "It has " + std::to_string(description->size()) + " bytes.",
                        "At most 10000 are allowed.");
}

[[noreturn]] void ThrowDuplicate(const std::string& key) {
    throw UserError(sqlstate::kDuplicateObject, "flag \"" + key + "\" already exists", "",
                    "Choose another key, or change that flag with pulse_update_flag().");
}

bool Exists(const std::string& key) {
    return !pg::Execute("SELECT FROM pulse.flag WHERE key = $1", {Value::Text(key)}).empty();
}

}  // namespace

int64_t CreateFlag(const std::string& key, const Definition& definition,
                   const std::optional<std::string>& description, const std::string& creator) {
    CheckKey(key);
    CheckDescription(description);
    LockDefinitionChanges();
    if (Exists(key)) ThrowDuplicate(key);
    const References uses = Check(key, definition);
    const pg::Result made = pg::Execute(
        "INSERT INTO pulse.flag (key, definition, salt, enabled, traits, segments, flags, description,"
        " created_by, created_at, updated_at) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10) ON CONFLICT (key) DO NOTHING RETURNING id",
        {Value::Text(key), Value::Jsonb(StoredJson(definition)), Value::Text(definition.salt.value_or(key)),
         Value::Bool(definition.enabled.value_or(true)), Value::Texts(uses.traits),
         Value::Texts(uses.segments), Value::Texts(uses.flags), OrNull(description), Value::Text(creator),
         Value::Time(pg::Now())});
    if (made.empty()) ThrowDuplicate(key);
    const int64_t id = made[0].Int8(0);
    WriteVersion(id, "created", creator);
    audit::Write("flag.created", key, {{"version", 1}});
    return id;
}

int32_t UpdateFlag(const std::string& key, const std::optional<Definition>& definition,
                   const std::optional<std::string>& description, const std::optional<std::string>& new_key,
                   const std::string& editor) {
    CheckDescription(description);
    LockDefinitionChanges();
    const FlagRow row = LockRow(key, new_key ? "FOR UPDATE" : "FOR NO KEY UPDATE");
    std::string change;
    const auto add = [&](const std::string& text) { change += (change.empty() ? "" : "; ") + text; };
    if (new_key && *new_key != key) {
        CheckKey(*new_key);
        if (Exists(*new_key)) ThrowDuplicate(*new_key);
        RequireUnused(key, "rename");
        add("key: " + key + " → " + *new_key);
    }
    std::string salt = row.salt;
    bool enabled = row.enabled;
    if (definition) {
        salt = definition->salt.value_or(salt);
        enabled = definition->enabled.value_or(enabled);
        const References uses = Check(new_key.value_or(key), *definition);
        RequireVariantsKept(key, *definition);
        if (const std::string difference = Difference(row.definition, *definition); !difference.empty())
            add(difference);
        if (salt != row.salt) add("salt: " + row.salt + " → " + salt);
        if (enabled != row.enabled) add(enabled ? "switched on" : "switched off");
        pg::Execute(
            "UPDATE pulse.flag SET definition = $2, traits = $3, segments = $4, flags = $5 WHERE id = $1",
            {Value::Int8(row.id), Value::Jsonb(StoredJson(*definition)), Value::Texts(uses.traits),
             Value::Texts(uses.segments), Value::Texts(uses.flags)});
    }
    if (description)
        pg::Execute("UPDATE pulse.flag SET description = $2 WHERE id = $1",
                    {Value::Int8(row.id), OrNull(description)});
    Json details = {{"version", row.version + !change.empty()}};
    if (new_key && *new_key != key) details["new_name"] = *new_key;
    if (!change.empty() || description) audit::Write("flag.updated", key, details);
    if (change.empty()) return row.version;
    pg::Execute(
        "UPDATE pulse.flag SET key = $2, salt = $3, enabled = $4, version = version + 1, updated_at = $5"
        " WHERE id = $1",
        {Value::Int8(row.id), Value::Text(new_key.value_or(key)), Value::Text(salt), Value::Bool(enabled),
         Value::Time(pg::Now())});
    WriteVersion(row.id, change, editor);
    return row.version + 1;
}

void DeleteFlag(const std::string& key) {
    LockDefinitionChanges();
    const FlagRow row = LockRow(key, "FOR UPDATE");
    RequireUnused(key, "delete");
    pg::Execute("DELETE FROM pulse.flag WHERE id = $1", {Value::Int8(row.id)});
    pg::Watch::Announce("flag");
    audit::Write("flag.deleted", key);
}

int32_t SwitchFlag(const std::string& key, bool enabled, const std::string& editor) {
    const FlagRow row = LockRow(key, "FOR NO KEY UPDATE");
    if (enabled && row.archived)
        throw UserError(sqlstate::kNotReady, "flag \"" + key + "\" is archived", "",
                        "Restore it with pulse_restore_flag() first.");
    if (enabled == row.enabled) return row.version;
    pg::Execute("UPDATE pulse.flag SET enabled = $2, version = version + 1, updated_at = $3 WHERE id = $1",
                {Value::Int8(row.id), Value::Bool(enabled), Value::Time(pg::Now())});
    WriteVersion(row.id, enabled ? "switched on" : "switched off", editor);
    audit::Write(enabled ? "flag.enabled" : "flag.disabled", key, {{"version", row.version + 1}});
    return row.version + 1;
}

int32_t ArchiveFlag(const std::string& key, bool archived, const std::string& editor) {
    LockDefinitionChanges();
    const FlagRow row = LockRow(key, "FOR NO KEY UPDATE");
    if (archived == row.archived) return row.version;
    if (archived) RequireUnused(key, "archive");
    // Objects that it uses may have been deleted.
    if (!archived) Check(key, row.definition);
    pg::Execute(
        "UPDATE pulse.flag SET archived_at = CASE WHEN $2 THEN $3 END, version = version + 1, updated_at ="
        " $3 WHERE id = $1",
        {Value::Int8(row.id), Value::Bool(archived), Value::Time(pg::Now())});
    WriteVersion(row.id, archived ? "archived" : "restored", editor);
    audit::Write(archived ? "flag.archived" : "flag.restored", key, {{"version", row.version + 1}});
    return row.version + 1;
}

}  // namespace pulse::flag
