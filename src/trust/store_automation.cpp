// Creating, changing, pausing and deleting automations.
#include "pulse/trust/store_automation.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "pulse/audit/store.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/delivery/route.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/timezone.hpp"
#include "pulse/trust/store_action.hpp"
#include "pulse/trust/store_health.hpp"
#include "pulse/trust/subject.hpp"

namespace pulse::trust {

namespace {

using nlohmann::json;
using pg::Value;

constexpr size_t kLongestName = 255;

[[noreturn]] void ThrowUnknownAutomation(const std::string& name) {
    const pg::Result rows =
        pg::Execute("SELECT name FROM pulse.automation ORDER BY name LIMIT 1000", {}, true);
    std::vector<std::string> names;
    for (uint64_t i = 0; i < rows.size(); ++i) names.push_back(rows[i].Text(0));
    throw UserError(sqlstate::kUndefinedObject,
                    "automation " + InQuotes(name.substr(0, kLongestName)) + " does not exist", "",
                    names.empty() ? "There are no automations yet; create one with pulse_create_automation()."
                                  : SuggestName(name.substr(0, kLongestName), names, "Automations"));
}

std::string CheckAutomationName(const std::string& name) {
    if (name.find_first_not_of(" \t\r\n") == std::string::npos)
        ThrowInvalid("an automation's name must not be empty", "", "Give it a name.");
    if (name.size() > kLongestName)
        ThrowInvalid("an automation's name is too long", "It has " + std::to_string(name.size()) + " bytes.",
                     "At most 255 are allowed.");
    return name;
}

[[noreturn]] void ThrowAutomationExists(const std::string& name) {
    throw UserError(sqlstate::kDuplicateObject, "automation " + InQuotes(name) + " already exists", "",
                    "Choose another name, or change that automation with pulse_update_automation().");
}

struct LockedAutomation {
    int64_t id = 0;
    json definition;
    int32_t version = 0;
    std::string status, runs_as;
};

LockedAutomation LockAutomation(const std::string& name) {
    // A statement of its own: what is read afterwards is what the transaction has left that held the lock.
    pg::Execute("SELECT FROM pulse.automation WHERE name = $1 FOR UPDATE", {Value::Text(name)});
    const pg::Result rows = pg::Execute(
        "SELECT id, definition, version, status, pulse.role_name(runs_as, role_oid) FROM pulse.automation"
        " WHERE name = $1",
        {Value::Text(name)});
    if (rows.empty()) ThrowUnknownAutomation(name);
    return {rows[0].Int8(0), rows[0].Jsonb(1), rows[0].Int4(2), rows[0].Text(3), rows[0].Text(4)};
}

// The id of the segment that causes it; members need one over people.
std::optional<int64_t> RequireCauseSegment(const Trigger& when) {
    if (when.segment.empty()) return std::nullopt;
    const pg::Result rows =
        pg::Execute("SELECT id, kind FROM pulse.segment WHERE name = $1", {Value::Text(when.segment)});
    if (rows.empty()) {
        const pg::Result names = pg::Execute("SELECT name FROM pulse.segment ORDER BY name LIMIT 1000");
        std::vector<std::string> known;
        for (uint64_t i = 0; i < names.size(); ++i) known.push_back(names[i].Text(0));
        throw UserError(sqlstate::kUndefinedObject, "segment " + InQuotes(when.segment) + " does not exist",
                        "",
                        known.empty() ? std::string("There are no segments yet.")
                                      : SuggestName(when.segment, known, "Segments"));
    }
    if (when.kind == Trigger::Kind::kMembership && rows[0].Text(1) != "profile")
        ThrowInvalid("segment " + InQuotes(when.segment) + " is not over people",
                     "Its kind is " + rows[0].Text(1) + ", which has no changes of single members.",
                     "Use an incident of this segment, or a schedule.");
    return rows[0].Int8(0);
}

void CheckDetector(const std::string& detector) {
    const std::vector<std::string>& names = delivery::DetectorNames();
    if (!detector.empty() && std::find(names.begin(), names.end(), detector) == names.end())
        ThrowInvalid("\"when.incident.detector\" is unknown", "It is " + InQuotes(detector) + ".",
                     SuggestName(detector, names, "Detectors"));
}

// With the row of the automation there, so that it can be its own subject.
void CheckReferences(const std::string& name, const AutomationDefinition& definition) {
    CheckDetector(definition.when.detector);
    CheckPayload(definition.payload);
    const std::string subject = definition.subject.empty() ? "automation:" + name : definition.subject;
    const std::optional<std::string> channel =
        definition.channel.empty() ? std::nullopt : std::optional(definition.channel);
    CheckAction(definition.action, subject, channel, LoadEnforcement());
}

void AddAutomationVersion(int64_t id, int32_t version, const json& definition, const std::string& change,
                          const std::string& actor) {
    pg::Execute(
        "INSERT INTO pulse.automation_version (automation_id, version, definition, change, changed_by, changed_at)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        {Value::Int8(id), Value::Int4(version), Value::Jsonb(definition), Value::Text(change),
         Value::Text(actor), Value::Time(pg::Now())});
}

// Everything that follows from the definition; it begins to look for its cause now.
void SettleDefinition(int64_t id, const std::string& name, const AutomationDefinition& definition) {
    const std::optional<int64_t> segment = RequireCauseSegment(definition.when);
    CheckReferences(name, definition);
    const Moment now = pg::Now();
    const bool members = definition.when.kind == Trigger::Kind::kMembership;
    pg::Execute(
        "UPDATE pulse.automation SET cause = $2, cause_segment_id = $3, next_run = $4, anchor = $5, position = $6,"
        " signal_met = false, signal_at = NULL WHERE id = $1",
        {Value::Int8(id), Value::Text(Name(definition.when.kind)), Value::Int8(segment),
         Value::Time(NextRunOf(definition.when, now, now)), Value::Time(now),
         members ? Value::Int8(FirstPosition()) : Value::Null(INT8OID)});
    BeginHealth("automation:" + name);
    pg::NotifyLauncher();
}

void DismissWaiting(int64_t automation, const std::string& why, const std::string& actor) {
    const pg::Result rows = pg::Execute(
        "SELECT id FROM pulse.action WHERE automation_id = $1 AND state IN ('pending', 'approved', 'applying')",
        {Value::Int8(automation)});
    for (uint64_t i = 0; i < rows.size(); ++i) Dismiss(rows[i].Int8(0), why, actor);
}

// An automation as a subject of the gate: the segment whose members it reads, and what its actions are about.
bool FindAutomationSubject(const std::string& name, std::vector<Subject>& dependencies) {
    const pg::Result rows = pg::Execute(
        "SELECT a.definition, s.name FROM pulse.automation AS a LEFT JOIN pulse.segment AS s"
        " ON s.id = a.cause_segment_id WHERE a.name = $1",
        {Value::Text(name)});
    if (rows.empty()) return false;
    const AutomationDefinition definition = ReadAutomation(rows[0].Jsonb(0));
    // An incident is known to be one; that its segment is not healthy must not hold what answers it.
    const std::optional<std::string> segment = rows[0].TextOrNull(1);
    if (segment && definition.when.kind == Trigger::Kind::kMembership)
        dependencies.push_back({"segment", *segment});
    const Subject self{"automation", name};
    const Subject subject = definition.subject.empty() ? self : ReadSubject(definition.subject);
    // What Pulse does not know, and what reads nothing, stands on everything.
    if (subject != self)
        dependencies.push_back(FindSubjectKind(subject.kind) ? subject : Subject{"all", ""});
    else if (dependencies.empty())
        dependencies.push_back({"all", ""});
    return true;
}

[[maybe_unused]] const bool subject_registered = RegisterSubjectKind({"automation", FindAutomationSubject});

}  // namespace

AutomationOwner OwnerOfCaller() {
    return {pg::ActorName(), pg::CallerName(), pg::CallerSearchPath()};
}

void ResolveFunctions(json& definition) {
    if (!definition.is_object() || !definition.contains("do") || !definition["do"].is_object()) return;
    json& action = definition["do"];
    if (action.value("action", json()) != "run_function") return;
    if (!action.contains("payload") || !action["payload"].is_object()) action["payload"] = json::object();
    const pg::Session session;
    action["payload"]["function"] = ResolveFunction(action["payload"]);
}

std::string RoleOfAutomation(const std::string& name) {
    const pg::OwnerSession session;
    const pg::Result rows =
        pg::Execute("SELECT pulse.role_name(runs_as, role_oid) FROM pulse.automation WHERE name = $1",
                    {Value::Text(name)});
    if (rows.empty()) ThrowUnknownAutomation(name);
    return rows[0].Text(0);
}

int64_t CreateAutomation(const std::string& given, const json& json_definition,
                         const std::optional<std::string>& description, const AutomationOwner& owner) {
    const std::string name = CheckAutomationName(given);
    const AutomationDefinition definition = ReadAutomation(json_definition);
    const pg::Result rows = pg::Execute(
        "INSERT INTO pulse.automation (name, definition, cause, status, description, anchor, runs_as, search_path,"
        " created_by, created_at, updated_at) VALUES ($1, $2, $3, 'active', nullif($4, ''), $5, $6, $7, $8, $5, $5)"
        " ON CONFLICT (name) DO NOTHING RETURNING id",
        {Value::Text(name), Value::Jsonb(json_definition), Value::Text(Name(definition.when.kind)),
         Value::Text(description), Value::Time(pg::Now()), Value::Name(owner.role),
         Value::Text(owner.search_path), Value::Text(owner.actor)});
    if (rows.empty()) ThrowAutomationExists(name);
    const int64_t id = rows[0].Int8(0);
    pg::Execute("UPDATE pulse.automation SET status = 'active', status_reason = NULL WHERE id = $1",
                {Value::Int8(id)});
    SettleDefinition(id, name, definition);
    AddAutomationVersion(id, 1, json_definition, "created", owner.actor);
    audit::Write("automation.created", name, {{"automation", id}, {"runs_as", owner.role}});
    return id;
}

int32_t UpdateAutomation(const std::string& name, const std::optional<json>& json_definition,
                         const std::optional<std::string>& description,
                         const std::optional<std::string>& new_name, const AutomationOwner& owner) {
    const LockedAutomation before = LockAutomation(name);
    const std::string final_name = new_name ? CheckAutomationName(*new_name) : name;
    if (final_name != name) {
        try {
            pg::Execute("UPDATE pulse.automation SET name = $2, updated_at = $3 WHERE id = $1",
                        {Value::Int8(before.id), Value::Text(final_name), Value::Time(pg::Now())});
        } catch (const pg::Error& error) {
            if (error.State() != sqlstate::kUniqueViolation) throw;
            ThrowAutomationExists(final_name);
        }
        // What waits is judged by the health of the same automation, even if another one gets its old name.
        pg::Execute(
            "UPDATE pulse.action SET gate_subject = $2 WHERE automation_id = $1 AND state IN ('pending', 'approved',"
            " 'applying')",
            {Value::Int8(before.id), Value::Text("automation:" + final_name)});
        BeginHealth("automation:" + final_name);
    }
    if (description)
        pg::Execute("UPDATE pulse.automation SET description = nullif($2, ''), updated_at = $3 WHERE id = $1",
                    {Value::Int8(before.id), Value::Text(description), Value::Time(pg::Now())});
    int32_t version = before.version;
    if (json_definition && *json_definition != before.definition) {
        const AutomationDefinition definition = ReadAutomation(*json_definition);
        ++version;
        pg::Execute(
            "UPDATE pulse.automation SET definition = $2, version = $3, runs_as = $4, search_path = $5,"
            " updated_at = $6 WHERE id = $1",
            {Value::Int8(before.id), Value::Jsonb(*json_definition), Value::Int4(version),
             Value::Name(owner.role), Value::Text(owner.search_path), Value::Time(pg::Now())});
        SettleDefinition(before.id, final_name, definition);
        AddAutomationVersion(before.id, version, *json_definition,
                             "changed: " + DescribeChange(before.definition, *json_definition), owner.actor);
    }
    audit::Write("automation.updated", final_name,
                 {{"automation", before.id}, {"version", version}, {"runs_as", owner.role}});
    return version;
}

void DeleteAutomation(const std::string& name, const std::string& actor) {
    const LockedAutomation automation = LockAutomation(name);
    DismissWaiting(automation.id, "the automation was deleted", actor);
    pg::Execute("DELETE FROM pulse.automation WHERE id = $1", {Value::Int8(automation.id)});
    audit::Write("automation.deleted", name, {{"automation", automation.id}});
}

void SetAutomationStatus(const std::string& name, const std::string& status,
                         const std::optional<std::string>& reason, const std::string& actor, bool strict) {
    const LockedAutomation automation = LockAutomation(name);
    if (automation.status == status) {
        if (!strict) return;
        throw UserError(sqlstate::kNotReady, "automation " + InQuotes(name) + " is " + status, "",
                        status == "paused" ? "pulse_resume_automation() resumes it."
                                           : "pulse_pause_automation() pauses it.");
    }
    pg::Execute(
        "UPDATE pulse.automation SET status = $2, status_reason = $3, updated_at = $4 WHERE id = $1",
        {Value::Int8(automation.id), Value::Text(status), Value::Text(reason), Value::Time(pg::Now())});
    if (status == "active")
        SettleDefinition(automation.id, name, ReadAutomation(automation.definition));
    else
        pg::Execute(
            "UPDATE pulse.automation_trigger SET status = 'skipped', note = 'the automation was paused',"
            " handled_at = $2 WHERE automation_id = $1 AND status = 'waiting'",
            {Value::Int8(automation.id), Value::Time(pg::Now())});
    json details = {{"automation", automation.id}, {"actor", actor}};
    if (reason) details["reason"] = *reason;
    audit::Write(status == "paused" ? "automation.paused" : "automation.resumed", name, details);
}

std::string StatusOfAutomation(const std::string& name) {
    return LockAutomation(name).status;
}

std::optional<AutomationDefinition> FindDefinition(int64_t automation) {
    static pg::Statement statement("SELECT definition FROM pulse.automation WHERE id = $1", {INT8OID});
    const pg::Result rows = statement.Execute({Value::Int8(automation)});
    return rows.empty() ? std::nullopt : std::optional(ReadAutomation(rows[0].Jsonb(0)));
}

std::optional<std::string> WhyStopped(int64_t automation) {
    static pg::Statement statement("SELECT status FROM pulse.automation WHERE id = $1", {INT8OID});
    const pg::Result rows = statement.Execute({Value::Int8(automation)});
    if (rows.empty()) return "the automation was deleted";
    if (rows[0].Text(0) != "active") return "the automation is paused";
    return std::nullopt;
}

}  // namespace pulse::trust
