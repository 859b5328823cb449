// Creating, changing and deleting traits.
#include <nlohmann/json.hpp>

#include "pulse/audit/store.hpp"
#include "pulse/base/error.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/rule/print.hpp"
#include "pulse/trait/store_definition.hpp"

namespace pulse::trait {

namespace {

using pg::Value;

constexpr const char* kColumns =
    "SELECT id, key, expression, type, version, description, updated_at FROM pulse.trait ";

TraitRow ReadTrait(const pg::Row& row) {
    return {row.Int8(0), row.Text(1), row.Text(2), row.Text(3), row.Int4(4), row.TextOrNull(5), row.Time(6)};
}

[[noreturn]] void ThrowUnknown(const std::string& key) {
    const pg::Result rows = pg::Execute("SELECT key FROM pulse.trait ORDER BY key LIMIT 1000");
    std::vector<std::string> keys;
    for (uint64_t i = 0; i < rows.size(); ++i) keys.push_back(rows[i].Text(0));
    throw UserError(sqlstate::kUndefinedObject, "trait \"" + key + "\" does not exist", "",
                    keys.empty() ? "There are no traits yet; create one with pulse_create_trait()."
                                 : SuggestName(key, keys, "Traits"));
}

TraitRow Read(const std::string& key) {
    const pg::Result rows = pg::Execute(std::string(kColumns) + "WHERE key = $1", {Value::Text(key)});
    if (rows.empty()) ThrowUnknown(key);
    return ReadTrait(rows[0]);
}

void AddVersion(int64_t id, int version, const std::string& expression, const std::string& change,
                const std::string& actor) {
    pg::Execute(
        "INSERT INTO pulse.trait_version (trait_id, version, expression, change, changed_by, changed_at)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        {Value::Int8(id), Value::Int4(version), Value::Text(expression), Value::Text(change),
         Value::Text(actor), Value::Time(pg::Now())});
}

std::optional<std::string> NotEmpty(const std::optional<std::string>& text) {
    return text && text->find_first_not_of(" \t\r\n") != std::string::npos ? text : std::nullopt;
}

// A checked expression, its canonical text and its type.
struct Checked {
    rule::ExprPtr tree;
    std::string text, type;
};

Checked Check(const std::string& key, const std::string& expression) {
    const rule::ExprPtr tree = ReadExpression(expression);
    rule::RequireSize(*tree);
    const rule::ExprPtr expanded = rule::Expand(*tree, SavedDefinitions(), "trait " + key);
    const Rule rule(*expanded, rule::Expect::kAny, false);
    CheckReferences(*ExpandWithoutMacros(*tree));
    return {tree, rule::Print(*tree), TypeName(*tree, rule.rule().type)};
}

}  // namespace

int64_t CreateTrait(const std::string& given, const std::string& expression,
                    const std::optional<std::string>& description) {
    const std::string key = CheckKey(given), actor = pg::ActorName();
    ReadExpression(expression);
    LockDefinitions();
    const pg::OwnerSession session;
    if (!pg::Execute("SELECT FROM pulse.trait WHERE key = $1", {Value::Text(key)}).empty())
        throw UserError(sqlstate::kDuplicateObject, "trait \"" + key + "\" already exists", "",
                        "Choose another name, or change that trait with pulse_update_trait().");
    const Checked checked = Check(key, expression);
    const pg::Result rows = pg::Execute(
        "INSERT INTO pulse.trait (key, expression, type, description, created_at, updated_at)"
        " VALUES ($1, $2, $3, $4, $5, $5) RETURNING id",
        {Value::Text(key), Value::Text(checked.text), Value::Text(checked.type),
         Value::Text(NotEmpty(description)), Value::Time(pg::Now())});
    const int64_t id = rows[0].Int8(0);
    AddVersion(id, 1, checked.text, "created", actor);
    InvalidateDefinitions();
    ApplyDefinitionChanges();
    audit::Write("trait.created", key, {{"version", 1}});
    return id;
}

int32_t UpdateTrait(const std::string& key, const std::optional<std::string>& expression,
                    const std::optional<std::string>& description) {
    const std::string actor = pg::ActorName();
    if (expression) ReadExpression(*expression);
    LockDefinitions();
    const pg::OwnerSession session;
    const TraitRow before = Read(key);
    if (description)
        pg::Execute("UPDATE pulse.trait SET description = $2, updated_at = $3 WHERE id = $1",
                    {Value::Int8(before.id), Value::Text(NotEmpty(description)), Value::Time(pg::Now())});
    const auto described = [&] {
        if (description) audit::Write("trait.updated", key, {{"version", before.version}});
        return before.version;
    };
    if (!expression) return described();
    const Checked checked = Check(key, *expression);
    if (checked.text == before.expression) return described();
    CheckDependents("trait", key, checked.tree);
    pg::Execute(
        "UPDATE pulse.trait SET expression = $2, type = $3, version = version + 1, updated_at = $4"
        " WHERE id = $1",
        {Value::Int8(before.id), Value::Text(checked.text), Value::Text(checked.type),
         Value::Time(pg::Now())});
    AddVersion(before.id, before.version + 1, checked.text,
               "\"" + before.expression + "\" → \"" + checked.text + "\"", actor);
    InvalidateDefinitions();
    ApplyDefinitionChanges();
    audit::Write("trait.updated", key, {{"version", before.version + 1}});
    return before.version + 1;
}

void DeleteTrait(const std::string& key) {
    LockDefinitions();
    const pg::OwnerSession session;
    const TraitRow trait = Read(key);
    RequireUnused("trait", key, "deleted");
    pg::Execute("DELETE FROM pulse.trait WHERE id = $1", {Value::Int8(trait.id)});
    InvalidateDefinitions();
    ApplyDefinitionChanges();
    audit::Write("trait.deleted", key);
}

std::vector<TraitRow> ListTraits() {
    const pg::Result rows = pg::Execute(std::string(kColumns) + "ORDER BY key");
    std::vector<TraitRow> traits;
    for (uint64_t i = 0; i < rows.size(); ++i) traits.push_back(ReadTrait(rows[i]));
    return traits;
}

}  // namespace pulse::trait
