// Settings of the limits of actions, and the rules.
#include "pulse/trust/store_enforcement.hpp"

#include <algorithm>
#include <cmath>

#include "pulse/audit/store.hpp"
#include "pulse/base/json_object.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/pg/convert.hpp"
#include "pulse/pg/probe.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/trust/automation.hpp"
#include "pulse/trust/store_action.hpp"
#include "pulse/trust/store_action_type.hpp"
#include "pulse/trust/store_automation.hpp"

namespace pulse::trust {

namespace {

using nlohmann::json;
using pg::Value;

constexpr size_t kMostRules = 100;
constexpr const char* kRiskPrefix = "risk:";

std::map<std::string, Mode> ReadRiskModes(const json& value) {
    const JsonObject object(value, {.name = "\"risk_modes\"", .path = "risk_modes"},
                            {"high", "standard", "conservative", "always"}, R"({"high": "hard_block"})");
    std::map<std::string, Mode> modes;
    for (const auto& [risk, mode] : value.items())
        if (const auto text = object.Text(risk)) modes[risk] = ReadMode(*text, object.Place(risk));
    return modes;
}

void RequireKnownAction(const std::string& action) {
    if (FindRisk(action)) return;
    std::vector<std::string> names;
    for (const ActionType& type : ActionTypes()) names.push_back(type.name);
    const std::string* nearest = FindNearest(action, names);
    throw UserError(sqlstate::kUndefinedObject, "the action " + InQuotes(action) + " is unknown", "",
                    (nearest ? "Did you mean " + InQuotes(*nearest) + "? " : std::string()) +
                        "pulse_list_action_types() lists all actions; pulse_set_action_type() adds one.");
}

void RequireSpan(const std::optional<int64_t>& span, const char* name, int64_t longest) {
    if (span && (*span < kMinute || *span > longest))
        ThrowInvalid(std::string("\"") + name + "\" is out of range",
                     "It is " + std::to_string(*span / kSecond) + " s.",
                     "Give an interval from 1 minute to " + std::to_string(longest / kDay) + " days.");
}

void CheckEnforcement(const EnforcementChange& change) {
    if (change.enabled && (!change.reason || change.reason->empty()))
        ThrowInvalid("a reason is missing",
                     "Enforcement is switched " + std::string(*change.enabled ? "on." : "off."),
                     "Say why; the audit log keeps it.");
    if (change.mode) ReadMode(*change.mode, "\"mode\"");
    if (change.risk_modes) ReadRiskModes(*change.risk_modes);
    RequireSpan(change.expire_after, "expire_after", 366 * kDay);
    RequireSpan(change.confirm_within, "confirm_within", 30 * kDay);
    if (change.max_share && !(*change.max_share >= 0 && *change.max_share <= 1))
        ThrowInvalid("\"max_share\" is out of range",
                     "It is " + pg::ToOutput(Float8GetDatum(*change.max_share), FLOAT8OID) + ".",
                     "Give a share from 0 to 1: 0.2 is 20 %.");
    if (change.channel && !change.channel->empty() && !IsWebhook(*change.channel))
        ThrowInvalid("channel " + InQuotes(*change.channel) + " is not of kind webhook", "",
                     "Actions leave as signed webhooks: give a channel of that kind.");
}

// The limits of an automation count its own actions, those of a rule the same action on the same subject.
Usage UsageOf(const ActionRow& row, bool of_automation) {
    static pg::Statement by_automation(
        "SELECT count(*) FILTER (WHERE applied_at > $2), max(applied_at) FROM pulse.action"
        " WHERE automation_id = $1 AND applied_at > $3 AND id <> $4",
        {INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID});
    static pg::Statement by_subject(
        "SELECT count(*) FILTER (WHERE applied_at > $2), max(applied_at) FROM pulse.action"
        " WHERE subject = $1 AND applied_at > $3 AND id <> $4 AND name = $5",
        {TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID, TEXTOID});
    const Moment now = pg::Now();
    const Value day = Value::Time(now - kDay), year = Value::Time(now - 366 * kDay),
                self = Value::Int8(row.id);
    const pg::Result rows =
        of_automation
            ? by_automation.Execute({Value::Int8(row.automation.value_or(0)), day, year, self})
            : by_subject.Execute({Value::Text(row.subject), day, year, self, Value::Text(row.name)});
    return {rows[0].Int8(0), rows[0].TimeOrNull(1), now};
}

void Add(LimitReport& report, const std::vector<std::string>& violations, const std::string& prefix,
         Mode mode) {
    for (const std::string& violation : violations) report.violations.push_back(prefix + violation);
    if (!violations.empty()) report.mode = std::max(report.mode, mode);
}

}  // namespace

Enforcement LoadEnforcement() {
    static pg::Statement statement(
        "SELECT enabled, mode, risk_modes, extract(epoch FROM expire_after)::float8,"
        " extract(epoch FROM confirm_within)::float8, max_share, channel FROM pulse.enforcement",
        {});
    const pg::LatestSnapshot latest;
    const pg::Result rows = statement.Execute({}, true);
    Enforcement enforcement;
    if (rows.empty()) return enforcement;  // the strict defaults
    const pg::Row row = rows[0];
    enforcement.enabled = row.Bool(0);
    enforcement.mode = ReadMode(row.Text(1), "mode");
    enforcement.risk_modes = ReadRiskModes(row.Jsonb(2));
    enforcement.expire_after = std::llround(row.Float8(3) * static_cast<double>(kSecond));
    enforcement.confirm_within = std::llround(row.Float8(4) * static_cast<double>(kSecond));
    enforcement.max_share = row.Float8(5);
    enforcement.channel = row.TextOrNull(6);
    return enforcement;
}

void ChangeEnforcement(const EnforcementChange& change, const std::string& actor) {
    CheckEnforcement(change);
    const auto span = [](const std::optional<int64_t>& length) {
        return length ? Value::Float8(static_cast<double>(*length) / static_cast<double>(kSecond))
                      : Value::Null(FLOAT8OID);
    };
    pg::Execute(
        "UPDATE pulse.enforcement SET enabled = coalesce($1, enabled), reason = coalesce($2, reason),"
        " mode = coalesce($3, mode), risk_modes = coalesce($4, risk_modes),"
        " expire_after = coalesce(make_interval(secs => $5), expire_after),"
        " confirm_within = coalesce(make_interval(secs => $6), confirm_within),"
        " max_share = coalesce($7, max_share), channel = nullif(coalesce($8, channel), ''),"
        " changed_by = $9, changed_at = $10",
        {change.enabled ? Value::Bool(*change.enabled) : Value::Null(BOOLOID), Value::Text(change.reason),
         Value::Text(change.mode),
         change.risk_modes ? Value::Jsonb(*change.risk_modes) : Value::Null(JSONBOID),
         span(change.expire_after), span(change.confirm_within), Value::Float8(change.max_share),
         Value::Text(change.channel), Value::Text(actor), Value::Time(pg::Now())});
    json details = json::object();
    if (change.enabled) details["enabled"] = *change.enabled;
    if (change.reason) details["reason"] = *change.reason;
    if (change.mode) details["mode"] = *change.mode;
    if (change.risk_modes) details["risk_modes"] = *change.risk_modes;
    if (change.expire_after) details["expire_after_seconds"] = *change.expire_after / kSecond;
    if (change.confirm_within) details["confirm_within_seconds"] = *change.confirm_within / kSecond;
    if (change.max_share) details["max_share"] = *change.max_share;
    if (change.channel) details["channel"] = *change.channel;
    audit::Write(change.enabled ? "enforcement.switched" : "enforcement.changed", "enforcement", details);
}

int64_t CreateRule(const std::string& name, const std::vector<std::string>& actions, const json& limits,
                   const std::string& mode, const std::string& actor) {
    if (name.empty() || name.size() > 255) ThrowInvalid("invalid name of a rule", "", "Give 1 to 255 bytes.");
    if (actions.empty()) ThrowInvalid("a rule needs an action", "", "Name actions, or \"risk:high\".");
    if (actions.size() > kMostRules)
        throw UserError(sqlstate::kProgramLimit, "too many actions", "", "At most 100 are allowed.");
    for (const std::string& action : actions) {
        if (action.starts_with(kRiskPrefix))
            ReadRiskModes({{action.substr(5), "advisory"}});
        else
            RequireActionName(action);
    }
    ReadLimits(limits, "limits");
    if (limits.empty())
        ThrowInvalid("a rule needs a limit", "", "Give one of per_day, apart, max_change, max_value.");
    ReadMode(mode, "\"mode\"");
    // A limit with a name that nothing has would limit nothing.
    for (const std::string& action : actions)
        if (!action.starts_with(kRiskPrefix)) RequireKnownAction(action);
    if (pg::Execute("SELECT count(*) FROM pulse.enforcement_rule")[0].Int8(0) >=
        static_cast<int64_t>(kMostRules))
        throw UserError(sqlstate::kProgramLimit, "too many rules", "",
                        "Delete one; at most 100 are allowed.");
    const pg::Result rows = pg::Execute(
        "INSERT INTO pulse.enforcement_rule (name, actions, limits, mode, created_by, created_at)"
        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name) DO NOTHING RETURNING id",
        {Value::Text(name), Value::Texts(actions), Value::Jsonb(limits), Value::Text(mode),
         Value::Text(actor), Value::Time(pg::Now())});
    if (rows.empty())
        throw UserError(sqlstate::kDuplicateObject, "rule " + InQuotes(name) + " already exists", "",
                        "Choose another name, or delete that rule first.");
    audit::Write("enforcement.rule_created", name,
                 {{"actions", actions}, {"limits", limits}, {"mode", mode}});
    return rows[0].Int8(0);
}

void DeleteRule(const std::string& name) {
    if (pg::Execute("DELETE FROM pulse.enforcement_rule WHERE name = $1", {Value::Text(name)}).processed() ==
        0) {
        const pg::Result names =
            pg::Execute("SELECT coalesce(array_agg(name ORDER BY name), '{}') FROM pulse.enforcement_rule");
        throw UserError(sqlstate::kUndefinedObject, "rule " + InQuotes(name) + " does not exist", "",
                        names[0].Texts(0).empty() ? std::string("There are no rules.")
                                                  : SuggestName(name, names[0].Texts(0), "Rules"));
    }
    audit::Write("enforcement.rule_deleted", name);
}

LimitReport CheckLimits(const ActionRow& row, const Enforcement& enforcement) {
    static pg::Statement rules(
        "SELECT name, limits, mode FROM pulse.enforcement_rule WHERE actions && ARRAY[$1, 'risk:' || $2]"
        " ORDER BY name",
        {TEXTOID, TEXTOID});
    LimitReport report;
    report.mode = enforcement.mode;
    if (const auto of_risk = enforcement.risk_modes.find(row.risk); of_risk != enforcement.risk_modes.end())
        report.mode = std::max(report.mode, of_risk->second);
    double max_share = enforcement.max_share;
    if (row.automation) {
        if (const auto definition = FindDefinition(*row.automation)) {
            Add(report, Violations(definition->limits, UsageOf(row, true), row.payload), "",
                definition->mode.value_or(Mode::kAdvisory));
            max_share = definition->max_share.value_or(max_share);
        }
    }
    const pg::LatestSnapshot latest;
    const pg::Result found = rules.Execute({Value::Text(row.name), Value::Text(row.risk)}, true);
    for (uint64_t i = 0; i < found.size(); ++i)
        Add(report, Violations(ReadLimits(found[i].Jsonb(1), "limits"), UsageOf(row, false), row.payload),
            "Rule " + InQuotes(found[i].Text(0)) + ": ", ReadMode(found[i].Text(2), "mode"));
    report.moves_many = row.share && *row.share > max_share;
    return report;
}

}  // namespace pulse::trust
