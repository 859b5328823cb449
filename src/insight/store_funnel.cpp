// Creating, changing and deleting funnels.
#include <nlohmann/json.hpp>

#include "pulse/audit/store.hpp"
#include "pulse/base/error.hpp"
#include "pulse/base/json.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/insight/store_funnel.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"

namespace pulse::insight {

namespace {

using pg::Value;

constexpr const char* kFunnelColumns =
    "SELECT id, name, definition, version, description, created_by, created_at, updated_at,"
    " EXISTS (SELECT FROM pulse.funnel_monitor AS m WHERE m.funnel_id = funnel.id) FROM pulse.funnel ";

SavedFunnel ReadSavedFunnel(const pg::Row& row) {
    return {row.Int8(0), row.Text(1),       ReadFunnel(row.Jsonb(2)),
            row.Int4(3), row.TextOrNull(4), row.Text(5),
            row.Time(6), row.Time(7),       row.Bool(8)};
}

[[noreturn]] void ThrowUnknownFunnel(const std::string& name) {
    const pg::Result rows = pg::Execute("SELECT name FROM pulse.funnel ORDER BY name LIMIT 1000", {}, true);
    std::vector<std::string> names;
    for (uint64_t i = 0; i < rows.size(); ++i) names.push_back(rows[i].Text(0));
    throw UserError(sqlstate::kUndefinedObject, "funnel " + InQuotes(name) + " does not exist", "",
                    names.empty() ? "There are no funnels yet; create one with pulse_create_funnel()."
                                  : SuggestName(name, names, "Funnels"));
}

[[noreturn]] void ThrowFunnelExists(const std::string& name) {
    throw UserError(sqlstate::kDuplicateObject, "funnel " + InQuotes(name) + " already exists", "",
                    "Choose another name, or change that funnel with pulse_update_funnel().");
}

std::optional<std::string> NotBlank(const std::optional<std::string>& text) {
    return text && text->find_first_not_of(" \t\r\n") != std::string::npos ? text : std::nullopt;
}

void AddFunnelVersion(int64_t id, int version, const nlohmann::json& definition, const std::string& change,
                      const std::string& actor) {
    pg::Execute(
        "INSERT INTO pulse.funnel_version (funnel_id, version, definition, change, changed_by, changed_at)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        {Value::Int8(id), Value::Int4(version), Value::Jsonb(definition), Value::Text(change),
         Value::Text(actor), Value::Time(pg::Now())});
}

// "steps, window": the keys that differ.
std::string DescribeFunnelChange(const nlohmann::json& before, const nlohmann::json& after) {
    std::string keys;
    const auto add = [&](const std::string& key) { keys += (keys.empty() ? "" : ", ") + key; };
    for (const auto& [key, value] : after.items())
        if (!before.contains(key) || before[key] != value) add(key);
    for (const auto& [key, value] : before.items())
        if (!after.contains(key)) add(key);
    return "changed: " + keys;
}

// A step whose event never came is often a typing error.
void WarnOfUnknownSteps(const FunnelDefinition& funnel) {
    const pg::Result rows =
        pg::Execute("SELECT event FROM pulse.event_catalog ORDER BY events DESC, event LIMIT 1000", {}, true);
    if (rows.empty()) return;
    std::vector<std::string> known;
    for (uint64_t i = 0; i < rows.size(); ++i) known.push_back(rows[i].Text(0));
    const auto check = [&](const FunnelCondition& condition) {
        if (std::find(known.begin(), known.end(), condition.event) == known.end())
            pg::Notice("event \"" + condition.event + "\" has not been received yet",
                       SuggestName(condition.event, known, "Events received so far"));
    };
    for (const FunnelStep& step : funnel.steps) check(step);
    for (const FunnelExcluded& excluded : funnel.exclude) check(excluded);
}

}  // namespace

SavedFunnel LoadFunnel(const std::string& name) {
    const pg::Result rows =
        pg::Execute(std::string(kFunnelColumns) + "WHERE name = $1", {Value::Text(name)}, true);
    if (rows.empty()) ThrowUnknownFunnel(name);
    return ReadSavedFunnel(rows[0]);
}

SavedFunnel LockFunnel(const std::string& name) {
    // A statement of its own: what is read afterwards is what the transaction has left that held the lock.
    pg::Execute("SELECT FROM pulse.funnel WHERE name = $1 FOR UPDATE", {Value::Text(name)});
    const pg::Result rows = pg::Execute(std::string(kFunnelColumns) + "WHERE name = $1", {Value::Text(name)});
    if (rows.empty()) ThrowUnknownFunnel(name);
    return ReadSavedFunnel(rows[0]);
}

std::vector<SavedFunnel> ListFunnels() {
    const pg::Result rows = pg::Execute(std::string(kFunnelColumns) + "ORDER BY name", {}, true);
    std::vector<SavedFunnel> funnels;
    for (uint64_t i = 0; i < rows.size(); ++i) funnels.push_back(ReadSavedFunnel(rows[i]));
    return funnels;
}

int64_t CreateFunnel(const std::string& given, const FunnelDefinition& definition,
                     const std::optional<std::string>& description, const std::string& actor) {
    const std::string name = CheckFunnelName(given);
    CheckFunnel(definition);
    WarnOfUnknownSteps(definition);
    const nlohmann::json json = FunnelToJson(definition);
    const pg::Result rows = pg::Execute(
        "INSERT INTO pulse.funnel (name, definition, description, created_by, created_at, updated_at)"
        " VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (name) DO NOTHING RETURNING id",
        {Value::Text(name), Value::Jsonb(json), Value::Text(NotBlank(description)), Value::Text(actor),
         Value::Time(pg::Now())});
    if (rows.empty()) ThrowFunnelExists(name);
    const int64_t id = rows[0].Int8(0);
    AddFunnelVersion(id, 1, json, "created", actor);
    audit::Write("funnel.created", name, {{"version", 1}});
    return id;
}

int32_t UpdateFunnel(const std::string& name, const FunnelChange& change, const std::string& actor) {
    const SavedFunnel before = LockFunnel(name);
    if (change.name) {
        const std::string to = CheckFunnelName(*change.name);
        try {
            pg::Execute("UPDATE pulse.funnel SET name = $2, updated_at = $3 WHERE id = $1",
                        {Value::Int8(before.id), Value::Text(to), Value::Time(pg::Now())});
        } catch (const pg::Error& error) {
            if (error.State() != sqlstate::kUniqueViolation) throw;
            ThrowFunnelExists(to);  // also where another session takes the name meanwhile
        }
    }
    if (change.description)
        pg::Execute(
            "UPDATE pulse.funnel SET description = $2, updated_at = $3 WHERE id = $1",
            {Value::Int8(before.id), Value::Text(NotBlank(change.description)), Value::Time(pg::Now())});
    const auto write = [&](int32_t version) {
        nlohmann::json details = {{"version", version}};
        if (change.name && *change.name != name) details["new_name"] = *change.name;
        if (change.name || change.description || version != before.version)
            audit::Write("funnel.updated", name, details);
        return version;
    };
    if (!change.definition) return write(before.version);
    const nlohmann::json old = FunnelToJson(before.definition), json = FunnelToJson(*change.definition);
    if (json == old) return write(before.version);
    if (before.monitored && change.definition->steps.size() != before.definition.steps.size())
        throw UserError(
            sqlstate::kNotReady, "funnel " + InQuotes(name) + " is monitored with other steps",
            "It has " + std::to_string(before.definition.steps.size()) + " steps, and each has a history.",
            "Stop that with pulse_unmonitor_funnel() first.");
    CheckFunnel(*change.definition);
    WarnOfUnknownSteps(*change.definition);
    pg::Execute(
        "UPDATE pulse.funnel SET definition = $2, version = version + 1, updated_at = $3 WHERE id = $1",
        {Value::Int8(before.id), Value::Jsonb(json), Value::Time(pg::Now())});
    AddFunnelVersion(before.id, before.version + 1, json, DescribeFunnelChange(old, json), actor);
    return write(before.version + 1);
}

void DeleteFunnel(const std::string& name) {
    const SavedFunnel funnel = LockFunnel(name);
    if (funnel.monitored)
        throw UserError(sqlstate::kDependentObjects, "funnel " + InQuotes(name) + " is monitored",
                        "Segments measure its steps.", "Stop that with pulse_unmonitor_funnel() first.");
    pg::Execute("DELETE FROM pulse.funnel WHERE id = $1", {Value::Int8(funnel.id)});
    audit::Write("funnel.deleted", name);
}

}  // namespace pulse::insight
